"""Concepts as clusters of mask regions: k-means on the descriptors that summaries use too."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans

from visum_clustering.feature_sets import FeatureSet
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
from visum_specializer.region_features import RegionFeatures, describe_regions

STARTS = 10
"""Times that k-means starts anew; the best counts."""


@dataclass(frozen=True)
class KmeansSettings:
    """Figures of every step."""

    clusters: int = 8
    """Clusters of k-means; fewer where there are fewer regions."""
    components: int = 64
    """Principal components that are compared."""
    farthest: float = 1.15
    """A member is at most so many times as far from its centre as the median region of its cluster."""
    least_share: float = 0.2
    """Smallest share of the pictures that show a concept."""


@dataclass(frozen=True, eq=False)
class DescribedRegions:
    """Regions of pictures: image [n], pixels [n, S, S] and rows [n, F] to compare."""

    images: NDArray[np.intp]
    masks: Mask
    features: NDArray[np.float64]


def find_concepts(explained: ExplainedClass, settings: KmeansSettings, seed: int) -> list[Concept]:
    """The concepts of a class, in most pictures first. Does not depend on the order of the pictures.

    Raises:
        ValueError: The class comes without regions.
    """
    order = order_by_content(explained.pictures)
    ordered = explained.take(order)
    if ordered.regions is None:
        raise ValueError("k-means groups the regions of masks: it needs them")
    if not ordered.regions.any():
        return []
    described = describe(ordered, ordered.regions, settings.components)
    return renumbered(group(described, len(order), settings, seed), order)


def describe(explained: ExplainedClass, regions: NDArray[np.uint16], components: int) -> DescribedRegions:
    """All regions of the pictures, of which there are some, by both kinds of descriptors in principal components."""
    shown = [image for image, numbers in enumerate(regions) if numbers.any()]
    masks = [regions[image] == np.arange(1, regions[image].max() + 1)[:, None, None] for image in shown]
    found = [describe_regions(explained.classifier, explained.pictures[image], regions[image]) for image in shown]
    images = np.repeat(shown, [len(own) for own in masks])
    return DescribedRegions(images, np.concatenate(masks), _principal(_joined(found), components))


def group(described: DescribedRegions, images: int, settings: KmeansSettings, seed: int) -> list[Concept]:
    """Clusters of regions of so many pictures that are in enough of them, in most first."""
    clusters = min(settings.clusters, len(described.features))
    fitted = KMeans(clusters, n_init=STARTS, random_state=seed).fit(described.features)
    distances = np.linalg.norm(described.features - fitted.cluster_centers_[fitted.labels_], axis=1)
    concepts = []
    for label in range(clusters):
        cluster = np.flatnonzero(fitted.labels_ == label)
        near = cluster[distances[cluster] <= settings.farthest * np.median(distances[cluster])]
        best = near[best_of_each_image(described.images[near], distances[near])]
        if len(best) >= images_needed(settings.least_share, images):
            concepts.append(Concept([Member(int(described.images[i]), described.masks[i]) for i in best]))
    return sorted(concepts, key=lambda concept: -len(concept.members))


def _joined(found: Sequence[RegionFeatures]) -> FeatureSet:
    """Both kinds of descriptors of all regions."""
    aligned = FeatureSet(
        *(np.concatenate(rows) for rows in zip(*((f.aligned, f.aligned_mirrored) for f in found), strict=True))
    )
    pooled = FeatureSet(
        *(np.concatenate(rows) for rows in zip(*((f.pooled, f.pooled_mirrored) for f in found), strict=True))
    )
    return aligned.standardized().joined(pooled.standardized())


def _principal(features: FeatureSet, components: int) -> NDArray[np.float64]:
    """Rows [n, components] of length 1: the principal components of the plain descriptors."""
    known = features.standardized().plain
    _, _, axes = np.linalg.svd(known, full_matrices=False)
    rows = known @ axes[:components].T
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), np.finfo(np.float64).tiny))
