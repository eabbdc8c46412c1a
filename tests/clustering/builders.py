"""Small classes whose right summaries are known."""

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from visum_clustering.feature_sets import FeatureSet
from visum_clustering.parts import Edges, Parts
from visum_clustering.similarity import Similarity

SIDE = 64
FORBIDDEN = -1e6


def parts_of(
    images: Sequence[int],
    boxes: Sequence[Sequence[int]] | None = None,
    thumbnails: NDArray[np.uint8] | None = None,
) -> Parts:
    """Parts of these images; without boxes, each on a place of its own."""
    count = len(images)
    places = [[20 * part, 0, 20 * part + 10, 10] for part in range(count)] if boxes is None else boxes
    return Parts(
        np.array(images, np.int32).reshape(count),
        np.array(places, np.int32).reshape(count, 4),
        np.ones(count, np.int32),
        np.zeros((count, 2), np.float16),
        np.zeros((count, SIDE, SIDE), np.uint8) if thumbnails is None else thumbnails,
    )


def edges_of(edges: Iterable[tuple[int, int, float]]) -> Edges:
    """Edges from (source, target, score)."""
    sources, targets, scores = zip(*edges, strict=True) if edges else ((), (), ())
    return Edges(np.array(sources, np.int32), np.array(targets, np.int32), np.array(scores, np.float32))


def similarity_of(values: NDArray[np.float64], stored: NDArray[np.bool_] | None = None) -> Similarity:
    """Stored entries of a symmetric matrix; all but the diagonal by default."""
    stored = ~np.eye(len(values), dtype=bool) if stored is None else stored & ~np.eye(len(values), dtype=bool)
    rows, columns = np.nonzero(stored)
    offsets = np.concatenate([[0], np.cumsum(stored.sum(axis=1))]).astype(np.int64)
    return Similarity(offsets, columns.astype(np.int32), values[rows, columns].astype(np.float64))


def pattern(seed: int, noise: int = 0, noise_seed: int = 0) -> NDArray[np.uint8]:
    """A coarse random picture 64 x 64, its pixels changed by up to `noise` levels."""
    coarse = np.random.default_rng(seed).integers(40, 216, (8, 8))
    pixels = np.kron(coarse, np.ones((8, 8), np.int64))
    return (pixels + np.random.default_rng(noise_seed).integers(-noise, noise + 1, pixels.shape)).astype(np.uint8)


def planted_class(groups: int, images: int, seed: int = 0) -> tuple[Parts, Edges]:
    """Every image shows every group once: part image * groups + group.

    Parts of a group match well and look alike; other pairs match a hundred times worse, and half of them not at all.
    """
    generator = np.random.default_rng(seed)
    of_image = np.repeat(np.arange(images), groups)
    of_group = np.tile(np.arange(groups), images)
    boxes = [
        [30 * group, 5 * image % 40, 30 * group + 25, 5 * image % 40 + 25]
        for image, group in zip(of_image, of_group, strict=True)
    ]
    pictures = np.stack([pattern(int(group), noise=20, noise_seed=part) for part, group in enumerate(of_group)])
    edges = []
    for first in range(len(of_image)):
        for second in range(first):
            same = of_group[first] == of_group[second]
            if of_image[first] != of_image[second] and (same or generator.random() < 0.5):
                edges.append((second, first, generator.uniform(0.5, 1) * (1 if same else 0.01)))
    return parts_of(of_image, boxes, pictures), edges_of(edges)


def planted_features(groups: int, images: int, seed: int = 0) -> list[FeatureSet]:
    """Two kinds of features of the parts of `planted_class`, alike within a group; every other image is mirrored."""
    generator = np.random.default_rng(seed)
    kinds = []
    for width in (12, 30):
        facing_left, facing_right = generator.normal(size=(2, groups, width))
        rows = np.stack([(facing_left, facing_right)[image % 2] for image in range(images)]).reshape(-1, width)
        mirrored = np.stack([(facing_right, facing_left)[image % 2] for image in range(images)]).reshape(-1, width)
        noise = 0.05 * generator.normal(size=(2, *rows.shape))
        kinds.append(FeatureSet(*(np.stack([rows, mirrored]) + noise).astype(np.float16)))
    return kinds


def shuffled(parts: Parts, edges: Edges, seed: int) -> tuple[Parts, Edges, NDArray[np.intp]]:
    """The same class with its parts in another order, its edges too, some of them turned round; and the order."""
    generator = np.random.default_rng(seed)
    order = generator.permutation(len(parts))
    renumbered = edges.renumber(np.argsort(order))
    mixed = generator.permutation(len(edges))
    turned = generator.random(len(edges)) < 0.5
    sources = np.where(turned, renumbered.targets, renumbered.sources)[mixed]
    targets = np.where(turned, renumbered.sources, renumbered.targets)[mixed]
    return parts.take(order), Edges(sources, targets, renumbered.scores[mixed]), order
