"""Groups of items on which many clusterings agree (evidence accumulation, Fred and Jain 2005)."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform

from visum_clustering.feature_sets import FeatureSet, item_distances
from visum_clustering.labelings import NOISE, Labels, label_items

AGREEMENT = 0.6
"""Items are one group as long as so large a share of the clusterings, on average, puts them together."""


def find_groups(feature_sets: Sequence[FeatureSet], agreement: float = AGREEMENT) -> tuple[Labels, NDArray[np.float64]]:
    """Groups items by the consensus of clusterings over several kinds of features.

    Args:
        feature_sets: Features of the same n >= 2 items.
        agreement: Mean share of clusterings that must agree, 0..1.

    Returns:
        Labels [n], 1, 2, ...; and the share of clusterings [n, n] that put two items together.
    """
    labelings = [labels for features in feature_sets for labels in label_items(item_distances(features))]
    shares = agreement_shares(labelings)
    disagreement = 1.0 - shares
    np.fill_diagonal(disagreement, 0.0)
    tree = linkage(squareform(disagreement, checks=False), "average")
    return fcluster(tree, 1.0 - agreement, "distance").astype(np.int64), shares


def agreement_shares(labelings: Sequence[Labels]) -> NDArray[np.float64]:
    """Share of the labelings [n, n] that put two items into one cluster; an item that one leaves out is in none."""
    counts = np.zeros((len(labelings[0]),) * 2)
    for labels in labelings:
        counts += (labels[:, None] == labels[None, :]) & (labels != NOISE)[:, None]
    return counts / len(labelings)
