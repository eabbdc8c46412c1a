"""Concepts as factors of activations, after CRAFT (Fel, Picard, Bethune, Boissin, Vigouroux, Colin, Cadene and Serre
2023, CRAFT: Concept Recursive Activation FacTorization for Explainability).

What a layer answers is never negative, so that it can be written as a sum of few patterns of channels, each weighed by
how much of it is there (non-negative matrix factorization). A component matters as far as the logit falls when its
share of the maps is taken away. A picture shows it where its weight is largest: the part of its enlarged weights about
the largest one that lies above a share of it.
"""

import warnings
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from sklearn.decomposition import NMF
from sklearn.exceptions import ConvergenceWarning

from visum_evaluation.parts.baselines.activations import Floats, cell_means, feature_maps, target_logits
from visum_evaluation.parts.baselines.concepts import (
    Concept,
    ExplainedClass,
    Mask,
    Member,
    images_needed,
    order_by_content,
    renumbered,
)

MOST_ITERATIONS = 200
TOLERANCE = 1e-3
USUAL_PEAK = 0.9
"""Quantile over the pictures of a component's largest weight that stands for a picture that shows it."""
_EIGHT_NEIGHBOURS = np.ones((3, 3), bool)
_TINY = float(np.finfo(np.float32).tiny)


@dataclass(frozen=True)
class CraftSettings:
    """Figures of every step."""

    stride: int = 8
    """Stride of the layer whose answers are factorized."""
    crop_share: float | None = None
    """Side of the crops whose mean answers are factorized, of the picture's; None: all positions of whole pictures."""
    components: int = 10
    """Components of the factorization."""
    least_peak: float = 0.5
    """A picture shows a component if its largest weight reaches this share of the usual one."""
    first_cell_px: float = 0.0
    """Where the first cell of a map looks: 0 for padded convolutions of odd size, (stride - 1) / 2 for tiles."""
    member_level: float = 0.5
    """Share of the largest weight above which pixels belong to the member."""
    least_share: float = 0.2
    """Smallest share of the pictures that show a concept."""
    most: int = 5
    """Concepts that are kept, those of the largest effect."""


def find_concepts(explained: ExplainedClass, settings: CraftSettings, seed: int) -> list[Concept]:
    """The concepts of a class, of the largest effect first. Does not depend on the order of the pictures."""
    order = order_by_content(explained.pictures)
    ordered = explained.take(order)
    maps = np.maximum(feature_maps(ordered.classifier, ordered.pictures, settings.stride), 0)
    model = _factorize(_samples(ordered, maps, settings), settings.components, seed)
    weights = _weights(model, maps)
    effects = component_effects(ordered, maps, weights, model.components_, settings.stride)
    return renumbered(choose(weights, effects, ordered.pictures.shape[1], settings), order)


def component_effects(
    explained: ExplainedClass, maps: Floats, weights: Floats, patterns: Floats, stride: int
) -> NDArray[np.float64]:
    """Mean fall of the target's logit when a component is taken out of the maps, for each.

    Args:
        explained: The class.
        maps: What the layer answers, [N, C, h, w].
        weights: How much of each component is there, [N, K, h, w].
        patterns: Channels of each component, [K, C].
        stride: Stride of the layer.
    """
    whole = target_logits(explained.classifier, maps, stride, explained.target)
    falls = []
    for number, pattern in enumerate(patterns):
        share = weights[:, number, None] * pattern[None, :, None, None].astype(np.float32)
        left = target_logits(explained.classifier, np.maximum(maps - share, 0), stride, explained.target)
        falls.append(float((whole - left).mean()))
    return np.array(falls)


def choose(weights: Floats, effects: NDArray[np.float64], side: int, settings: CraftSettings) -> list[Concept]:
    """Components in enough pictures that raise the logit, those of the largest effect first."""
    concepts = []
    for number in np.argsort(-effects, kind="stable"):
        own = weights[:, number]
        peaks = own.max(axis=(1, 2))
        least = settings.least_peak * np.quantile(peaks, USUAL_PEAK)
        shown = [image for image in np.argsort(-peaks, kind="stable") if peaks[image] >= max(least, _TINY)]
        if effects[number] > 0 and len(shown) >= images_needed(settings.least_share, len(own)):
            members = [Member(int(image), peak_area(own[image], side, settings)) for image in shown]
            concepts.append(Concept(members))
    return concepts[: settings.most]


def peak_area(weights: Floats, side: int, settings: CraftSettings) -> Mask:
    """The pixels [side, side] about the largest of the weights [h, w] that lie above a share of it."""
    to_pixels = np.array([[settings.stride, 0, settings.first_cell_px], [0, settings.stride, settings.first_cell_px]])
    enlarged = cv2.warpAffine(weights, to_pixels.astype(float), (side, side), borderMode=cv2.BORDER_REPLICATE)
    labels, _ = ndimage.label(enlarged >= settings.member_level * enlarged.max(), _EIGHT_NEIGHBOURS)
    return np.asarray(labels == labels.ravel()[enlarged.argmax()])


def _samples(explained: ExplainedClass, maps: Floats, settings: CraftSettings) -> Floats:
    """What is factorized, [n, C]: every position of the maps, or the mean answer for each crop."""
    if settings.crop_share is None:
        return _positions(maps)
    crops = _crops(explained.pictures, settings.crop_share)
    means = cell_means(explained.classifier, crops, [settings.stride], 1)[settings.stride]
    return np.maximum(means[:, :, 0, 0], 0)


def _factorize(samples: Floats, components: int, seed: int) -> NMF:
    with warnings.catch_warnings():
        # The factors of the last iteration are as good a basis as any: which is best is not the question.
        warnings.simplefilter("ignore", ConvergenceWarning)
        model = NMF(components, init="nndsvda", max_iter=MOST_ITERATIONS, tol=TOLERANCE, random_state=seed)
        return model.fit(samples)


def _positions(maps: Floats) -> Floats:
    return maps.transpose(0, 2, 3, 1).reshape(-1, maps.shape[1])


def _weights(model: NMF, maps: Floats) -> Floats:
    found = model.transform(_positions(maps)).astype(np.float32)
    count, _, height, width = maps.shape
    return found.reshape(count, height, width, -1).transpose(0, 3, 1, 2).copy()


def _crops(pictures: NDArray[np.uint8], share: float) -> NDArray[np.uint8]:
    """Square crops that overlap by half, enlarged to whole pictures [n, S, S, 3]."""
    side = pictures.shape[1]
    size = round(share * side)
    starts = np.unique(np.linspace(0, side - size, 2 * round(1 / share) - 1).round().astype(int))
    windows = [np.s_[top : top + size, left : left + size] for top in starts for left in starts]
    return np.stack([cv2.resize(picture[window], (side, side)) for picture in pictures for window in windows])
