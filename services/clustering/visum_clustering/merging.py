"""Clusters that are one part in two pieces are put together."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from visum_clustering.similarity import Similarity
from visum_runtime.errors import Stopped

MOST_MERGED = 2000
"""Every pair of clusters is held against every other: of more clusters, the largest so many are."""


def merge_clusters(
    clusters: list[NDArray[np.intp]],
    similarity: Similarity,
    images: NDArray[np.int32],
    threshold: float,
    should_stop: Callable[[], bool] = lambda: False,
) -> list[NDArray[np.intp]]:
    """Merges, most alike first, clusters whose between-to-within similarity is at least `threshold`.

    Between is the mean similarity over the pairs of parts of different images, one from each cluster; within, the mean
    of the same inside the two clusters. A pair without a stored similarity counts as 0 here, on both sides. Of more
    than 2000 clusters the smallest are left as they are.

    Args:
        clusters: Members of each cluster, ascending. No part is in two.
        similarity: Similarities of n parts.
        images: int32 [n], image of each part.
        threshold: Ratio from which two clusters are one; 1 or more: none are.
        should_stop: Asked before every merge.

    Returns:
        Members of each cluster, ascending; last those that were not compared. A cluster of one part has no inside and
        is never merged.

    Raises:
        Stopped: `should_stop` said so.
    """
    by_size = sorted(range(len(clusters)), key=lambda number: -len(clusters[number]))
    compared = sorted(number for number in by_size[:MOST_MERGED] if len(clusters[number]) > 1)
    left = by_size[len(compared) :]
    merged = {place: clusters[number] for place, number in enumerate(compared)}
    if threshold < 1 and len(merged) > 1:
        bonds = _Bonds.between(list(merged.values()), similarity, images)
        for first, second in bonds.joins(threshold):
            if should_stop():
                raise Stopped("clustering was stopped")
            merged[first] = np.sort(np.concatenate([merged[first], merged.pop(second)]))
    return [*merged.values(), *(clusters[number] for number in left)]


@dataclass(frozen=True, eq=False)
class _Bonds:
    """For each two clusters, the summed similarity of their pairs of parts and how many pairs those are."""

    sums: NDArray[np.float64]
    pairs: NDArray[np.float64]

    @classmethod
    def between(cls, clusters: list[NDArray[np.intp]], similarity: Similarity, images: NDArray[np.int32]) -> "_Bonds":
        count = len(clusters)
        groups = np.full(len(similarity), -1)
        for number, members in enumerate(clusters):
            groups[members] = number
        rows, columns = groups[similarity.rows()], groups[similarity.neighbours]
        inside = (rows >= 0) & (columns >= 0)
        keys = rows[inside] * count + columns[inside]
        sums = np.bincount(keys, weights=similarity.values[inside], minlength=count * count).astype(np.float64)
        _, columns_of = np.unique(images, return_inverse=True)
        parts = np.flatnonzero(groups >= 0)
        shape = (count, int(columns_of.max()) + 1)
        presence = csr_array((np.ones(len(parts)), (groups[parts], columns_of[parts])), shape)
        sizes = presence.sum(axis=1)
        return cls(sums.reshape(count, count), np.outer(sizes, sizes) - (presence @ presence.T).toarray())

    def joins(self, threshold: float) -> Iterator[tuple[int, int]]:
        """Joins the two most alike as long as their ratio reaches `threshold`; tells which took in which."""
        ratios = np.stack([self._ratios_of(cluster) for cluster in range(len(self.sums))])
        while ratios.max() >= threshold:
            first, second = divmod(int(np.argmax(ratios)), len(ratios))
            self._join(first, second)
            ratios[second] = ratios[:, second] = 0
            ratios[first] = ratios[:, first] = self._ratios_of(first)
            yield first, second

    def _join(self, first: int, second: int) -> None:
        for table in (self.sums, self.pairs):
            table[first] += table[second]
            table[:, first] += table[:, second]
            table[second] = table[:, second] = 0

    def _ratios_of(self, cluster: int) -> NDArray[np.float64]:
        """Between-to-within similarity of one cluster and each; 0 for itself and where one has no similarity inside."""
        between = _ratio(self.sums[cluster], self.pairs[cluster])
        within = _ratio(np.diag(self.sums), np.diag(self.pairs))
        comparable = (within > 0) & (within[cluster] > 0)
        ratios = np.where(comparable, _ratio(between, (within + within[cluster]) / 2), 0)
        ratios[cluster] = 0
        return ratios


def _ratio(above: NDArray[np.float64], below: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.divide(above, below, out=np.zeros_like(above), where=below > 0)
