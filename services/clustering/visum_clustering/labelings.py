"""Several clusterings of the same items, each by other means, from their distances."""

from collections.abc import Callable
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage
from scipy.spatial.distance import squareform
from sklearn.cluster import HDBSCAN

from visum_runtime.errors import Stopped

NOISE = -1
"""Label of an item that a clustering leaves out."""
DENSITY_SAMPLES = (3, 5)
"""Neighbours by which HDBSCAN measures density."""
CUT_QUANTILES = (0.1, 0.2)
"""Quantiles of the distances at which a tree is cut."""
CLUSTER_COUNTS = (8, 12)
"""Numbers of clusters into which a tree is cut."""

Labels = NDArray[np.int64]


def label_items(distances: NDArray[np.float64], should_stop: Callable[[], bool] = lambda: False) -> list[Labels]:
    """Labels [n] by each of several clusterings.

    HDBSCAN, whose clusters are the leaves of its tree, at two densities (Campello, Moulavi and Sander 2013; fewer where
    items are fewer than its neighbours), and average linkage cut at two distances and into two numbers of clusters.

    Args:
        distances: [n, n], symmetric, 0 on the diagonal; n >= 2.
        should_stop: Asked before every clustering.

    Raises:
        Stopped: `should_stop` said so.
    """
    clusterings: list[Callable[[NDArray[np.float64]], list[Labels]]] = [
        partial(_by_density, samples=samples) for samples in DENSITY_SAMPLES if samples < len(distances)
    ]
    labelings: list[Labels] = []
    for clustering in (*clusterings, _by_tree):
        if should_stop():
            raise Stopped("clustering was stopped")
        labelings += clustering(distances)
    return labelings


def _by_tree(distances: NDArray[np.float64]) -> list[Labels]:
    pairs = squareform(distances, checks=False)
    tree = linkage(pairs, "average")
    cuts = [fcluster(tree, distance, "distance") for distance in np.quantile(pairs, CUT_QUANTILES)]
    counts = [fcluster(tree, count, "maxclust") for count in CLUSTER_COUNTS]
    return [labels.astype(np.int64) for labels in (*cuts, *counts)]


def _by_density(distances: NDArray[np.float64], samples: int) -> list[Labels]:
    clustering = HDBSCAN(
        min_cluster_size=samples,
        min_samples=samples,
        metric="precomputed",
        cluster_selection_method="leaf",
        copy=True,
    )
    return [np.asarray(clustering.fit_predict(distances), np.int64)]
