"""Items beyond those that are compared in pairs, placed into the groups of these."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from visum_clustering.consensus import combined
from visum_clustering.feature_sets import FeatureSet, FeatureSpace, unit_rows

NO_GROUP = 0
"""Label of an item that is like no group."""
_TYPICAL_QUANTILE = 0.05
"""An item belongs to a group if it is as like it as this quantile of the group's own items are like the others."""
_ROWS = 2048


def choose_images(images: NDArray[np.integer], most: int) -> NDArray[np.intp]:
    """Indices of at most `most` items: those of every k-th image, k the smallest that will do.

    Any two images fit together, so there is always such a k: of an image that has more than half of `most` only every
    j-th item counts where there are several images, of a single image every j-th if it has more than `most`.

    Args:
        images: [n], image of each item.
        most: Items chosen at most, >= 2.

    Returns:
        Ascending indices; all of them where there are no more than `most`. Of several images items of two at least.
    """
    if images.size <= most:
        return np.arange(images.size)
    numbers, sizes = np.unique(images, return_inverse=True, return_counts=True)[1:]
    is_thinned = _numbers_within(numbers, sizes) % -(-sizes // (most // min(len(sizes), 2)))[numbers] == 0
    every = 1
    while (chosen := np.flatnonzero(is_thinned & (numbers % every == 0))).size > most:
        every += 1
    return chosen


def place_items(
    kinds: Sequence[FeatureSet], compared: NDArray[np.intp], labels: NDArray[np.integer]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Gives every item the group that it is most like, if it is as like it as the group's own items are.

    An item and a group are as like as the cosine of the item, or of its mirror image, with the group's mean; of several
    kinds of features, and all together, the mean counts.

    Args:
        kinds: Kinds of features of the same n items.
        compared: The items that were compared, ascending.
        labels: Their groups, 1, 2, ..., one each; they keep them.

    Returns:
        Groups int64 [n], 0 for none; and each item's likeness to its group, -1..1.
    """
    found = [_likeness(together, compared, labels) for together in combined(kinds)]
    likeness = np.mean([of_all for of_all, _ in found], axis=0)
    own = np.mean([of_own for _, of_own in found], axis=0)
    typical = np.array([np.quantile(own[labels == label], _TYPICAL_QUANTILE) for label in range(1, labels.max() + 1)])
    best = likeness.argmax(axis=1)
    is_like = likeness[np.arange(len(best)), best] >= typical[best]
    groups = np.where(is_like, best + 1, NO_GROUP)
    groups[compared] = labels
    return groups, likeness[np.arange(len(groups)), np.maximum(groups, 1) - 1]


def _numbers_within(groups: NDArray[np.intp], sizes: NDArray[np.intp]) -> NDArray[np.intp]:
    """Number of each item among those of its group, 0, 1, ..."""
    numbers = np.empty_like(groups)
    numbers[np.argsort(groups, kind="stable")] = np.arange(len(groups)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    return numbers


def _likeness(
    kinds: Sequence[FeatureSet], compared: NDArray[np.intp], labels: NDArray[np.integer]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Cosines of every item with the mean of each group, [n, groups]; of those compared, with the others of their own.

    A single item of a group has no others: nothing is as like it as it is itself.
    """
    chosen = [kind.take(compared) for kind in kinds]
    space = FeatureSpace.of(chosen)
    plain, _ = space.points(chosen)
    sums = np.zeros((labels.max(), plain.shape[1]))
    np.add.at(sums, labels - 1, plain)
    means = unit_rows(sums)
    rows = []
    for start in range(0, len(kinds[0]), _ROWS):
        points = space.points([kind.take(np.arange(start, min(start + _ROWS, len(kind)))) for kind in kinds])
        rows.append(np.maximum(*(own @ means.T for own in points)))
    others = (plain * unit_rows(sums[labels - 1] - plain)).sum(axis=1)
    return np.concatenate(rows), np.where(np.bincount(labels)[labels] > 1, others, 1.0)
