"""Groups of items on which many clusterings agree (evidence accumulation, Fred and Jain 2005)."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from visum_clustering.feature_sets import FeatureSet, item_distances
from visum_clustering.labelings import NOISE, Labels, label_items
from visum_runtime.errors import Stopped

AGREEMENT = 0.6
"""Items are one group as long as so large a share of the clusterings, on average, puts them together."""


def find_groups(
    feature_sets: Sequence[FeatureSet],
    agreement: float = AGREEMENT,
    progress: Callable[[int, int], None] = lambda done, total: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> tuple[Labels, NDArray[np.float64]]:
    """Groups items by the consensus of clusterings over several kinds of features, and over all of them together.

    Args:
        feature_sets: Kinds of features of the same n >= 2 items.
        agreement: Mean share of clusterings that must agree, 0..1.
        progress: Told how many of the kinds are done, and of how many.
        should_stop: Asked before every clustering.

    Returns:
        Labels [n], 1, 2, ...; and the share of clusterings [n, n] that put two items together.

    Raises:
        Stopped: `should_stop` said so.
    """
    combinations = combined(feature_sets)
    labelings: list[Labels] = []
    progress(0, len(combinations))
    for done, kinds in enumerate(combinations, start=1):
        labelings += label_items(item_distances(kinds), should_stop)
        progress(done, len(combinations))
    shares = agreement_shares(labelings)
    pairs = 1.0 - squareform(shares, checks=False)
    if should_stop():
        raise Stopped("clustering was stopped")
    return fcluster(linkage(pairs, "average"), 1.0 - agreement, "distance").astype(np.int64), shares


def combined(feature_sets: Sequence[FeatureSet]) -> list[list[FeatureSet]]:
    """What items are compared by: each kind of features, and several together."""
    return [[features] for features in feature_sets] + [list(feature_sets)] * (len(feature_sets) > 1)


def agreement_shares(labelings: Sequence[Labels]) -> NDArray[np.float64]:
    """Share of the labelings [n, n] that put two items into one cluster; an item that one leaves out is in none."""
    shares = np.zeros((len(labelings[0]),) * 2)
    for labels in labelings:
        for label in np.unique(labels[labels != NOISE]):
            members = np.flatnonzero(labels == label)
            shares[np.ix_(members, members)] += 1
    shares /= len(labelings)
    return shares
