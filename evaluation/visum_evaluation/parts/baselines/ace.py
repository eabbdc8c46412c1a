"""Concepts as clusters of superpixels, after ACE (Ghorbani, Wexler, Zou and Kim 2019, Towards Automatic Concept-based
Explanations).

Each picture is cut into superpixels at several resolutions (SLIC). Each segment, on grey, is enlarged to the network's
input and described by what a layer answers; k-means groups the segments of all pictures; those far from their centre
are left out, and clusters in too few pictures. What is left is ranked by its TCAV score (Kim et al. 2018): a linear
classifier tells members from other segments, and the score is the share of pictures whose logit rises along its normal.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage.segmentation import slic
from sklearn.cluster import KMeans
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from visum_evaluation.parts.baselines.activations import Floats, cell_means, target_gradients
from visum_evaluation.parts.baselines.concepts import (
    Concept,
    ExplainedClass,
    Mask,
    Member,
    best_of_each_image,
    images_needed,
    order_by_content,
    renumbered,
)

GREY = 117
"""What surrounds a segment."""
SAME_SEGMENT_IOU = 0.5
"""Of segments of several resolutions that overlap more than this only the first is kept."""
COMPACTNESS = 20.0
SMOOTHING_PX = 1.0


@dataclass(frozen=True, eq=False)
class Segments:
    """Superpixels of pictures: image [n] and pixels [n, S, S] of each."""

    images: NDArray[np.intp]
    masks: Mask


@dataclass(frozen=True)
class AceSettings:
    """Figures of every step."""

    resolutions: tuple[int, ...] = (15, 50, 80)
    """Segments a picture, about; coarse to fine."""
    stride: int = 16
    """Stride of the layer that describes them."""
    clusters: int = 25
    """Clusters of k-means."""
    nearest: int = 40
    """Segments of a cluster that are kept, nearest to its centre first."""
    least_share: float = 0.2
    """Smallest share of the pictures that show a concept."""
    least_score: float = 0.5
    """TCAV score that a concept must exceed."""
    most: int = 10
    """Concepts that are kept, most important first."""


def find_concepts(explained: ExplainedClass, settings: AceSettings, seed: int) -> list[Concept]:
    """The concepts of a class, most important first. Does not depend on the order of the pictures."""
    order = order_by_content(explained.pictures)
    ordered = explained.take(order)
    segments = cut(ordered.pictures, settings.resolutions)
    features = describe(ordered, segments, settings.stride)
    return renumbered(group(ordered, segments, features, settings, seed), order)


def cut(pictures: NDArray[np.uint8], resolutions: Sequence[int]) -> Segments:
    """The distinct segments of each picture [N, S, S, 3], coarse ones first."""
    found = [_distinct(_superpixels(picture, resolutions)) for picture in pictures]
    images = np.repeat(np.arange(len(found)), [len(masks) for masks in found])
    return Segments(images, np.concatenate(found))


def describe(explained: ExplainedClass, segments: Segments, stride: int) -> Floats:
    """What the layer at a stride answers for each segment on grey, enlarged to the whole input: [n, C]."""
    pairs = zip(segments.images, segments.masks, strict=True)
    patches = np.stack([_patch(explained.pictures[image], mask) for image, mask in pairs])
    return cell_means(explained.classifier, patches, [stride], 1)[stride][:, :, 0, 0]


def group(
    explained: ExplainedClass, segments: Segments, features: Floats, settings: AceSettings, seed: int
) -> list[Concept]:
    """Clusters of described segments that are frequent and matter, most important first."""
    known = StandardScaler().fit_transform(features.astype(np.float64))
    clusters = min(settings.clusters, len(known))
    fitted = KMeans(clusters, n_init=4, random_state=seed).fit(known)
    distances = np.linalg.norm(known - fitted.cluster_centers_[fitted.labels_], axis=1)
    needed = images_needed(settings.least_share, len(explained.pictures))
    frequent = []
    for label in range(clusters):
        cluster = np.flatnonzero(fitted.labels_ == label)
        kept = cluster[np.argsort(distances[cluster], kind="stable")[: settings.nearest]]
        if len(np.unique(segments.images[kept])) >= needed:
            frequent.append(kept)
    slopes = target_gradients(explained.classifier, explained.pictures, settings.stride, explained.target)
    scores = [_tcav(known, kept, slopes.sum(axis=(2, 3)) * features.std(axis=0), seed) for kept in frequent]
    ranked = sorted(range(len(frequent)), key=lambda number: scores[number], reverse=True)
    chosen = [frequent[number] for number in ranked if scores[number][0] > settings.least_score]
    return [_concept(segments, kept, distances) for kept in chosen[: settings.most]]


def _tcav(known: NDArray[np.float64], kept: NDArray[np.intp], slopes: NDArray, seed: int) -> tuple[float, float]:
    """Share of pictures whose logit rises towards the members, and the mean rise, by slopes [N, C] of the logit."""
    others = np.setdiff1d(np.arange(len(known)), kept)
    drawn = np.random.default_rng(seed).choice(others, min(len(kept), len(others)), replace=False)
    told = LogisticRegression(max_iter=1000).fit(
        known[np.r_[kept, drawn]], np.r_[np.ones(len(kept)), np.zeros(len(drawn))]
    )
    normal = told.coef_[0] / np.linalg.norm(told.coef_[0])
    rises = slopes @ normal
    return float((rises > 0).mean()), float(rises.mean())


def _concept(segments: Segments, kept: NDArray[np.intp], distances: NDArray[np.float64]) -> Concept:
    best = kept[best_of_each_image(segments.images[kept], distances[kept])]
    return Concept([Member(int(segments.images[item]), segments.masks[item]) for item in best])


def _superpixels(picture: NDArray[np.uint8], resolutions: Sequence[int]) -> Mask:
    labels = [
        slic(picture, n_segments=count, compactness=COMPACTNESS, sigma=SMOOTHING_PX, start_label=0)
        for count in resolutions
    ]
    return np.concatenate([one_hot == np.arange(one_hot.max() + 1)[:, None, None] for one_hot in labels])


def _distinct(masks: Mask) -> Mask:
    """Masks [n, S, S] less those that an earlier one nearly is."""
    flat = masks.reshape(len(masks), -1).astype(np.float32)
    shared, areas = flat @ flat.T, flat.sum(axis=1)
    overlaps = shared / (areas[:, None] + areas[None, :] - shared)
    kept: list[int] = []
    for number in range(len(masks)):
        if not kept or overlaps[number, kept].max() <= SAME_SEGMENT_IOU:
            kept.append(number)
    return masks[kept]


def _patch(picture: NDArray[np.uint8], mask: Mask) -> NDArray[np.uint8]:
    """A segment on grey, its box enlarged to the size of the picture [S, S, 3]."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    window = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    alone = np.where(mask[window][..., None], picture[window], np.uint8(GREY))
    return np.asarray(cv2.resize(alone, mask.shape[::-1], interpolation=cv2.INTER_LINEAR), np.uint8)
