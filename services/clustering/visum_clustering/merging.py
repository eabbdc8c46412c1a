"""Clusters that are one part in two pieces are put together."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visum_clustering.similarity import Similarity


def merge_clusters(
    clusters: list[NDArray[np.intp]], similarity: Similarity, images: NDArray[np.int32], threshold: float
) -> list[NDArray[np.intp]]:
    """Merges, most alike first, clusters whose between-to-within similarity is at least `threshold`.

    Between is the mean similarity over the pairs of parts of different images, one from each cluster; within, the mean
    of the same inside the two clusters. A pair without a stored similarity counts as 0 here, on both sides.

    Args:
        clusters: Members of each cluster, ascending. No part is in two.
        similarity: Similarities of n parts.
        images: int32 [n], image of each part.
        threshold: Ratio from which two clusters are one; 1 or more: none are.

    Returns:
        Members of each cluster, ascending. A cluster of one part has no inside and is never merged; such come last.
    """
    single = [members for members in clusters if len(members) == 1]
    merged = dict(enumerate(members for members in clusters if len(members) > 1))
    if threshold < 1 and len(merged) > 1:
        bonds = _Bonds.between(list(merged.values()), similarity, images)
        for first, second in bonds.joins(threshold):
            merged[first] = np.sort(np.concatenate([merged[first], merged.pop(second)]))
    return [*merged.values(), *single]


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
        present, columns_of = np.unique(images, return_inverse=True)
        presence = np.zeros((count, len(present)))
        for number, members in enumerate(clusters):
            np.add.at(presence[number], columns_of[members], 1)
        sizes = presence.sum(axis=1)
        return cls(sums.reshape(count, count), np.outer(sizes, sizes) - presence @ presence.T)

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
