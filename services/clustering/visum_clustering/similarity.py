"""Match scores to sparse log similarities."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visum_clustering.parts import Edges

FLOOR_QUANTILE = 0.05


@dataclass(frozen=True, eq=False)
class Similarity:
    """Symmetric similarities of n parts in compressed rows. A pair that is not stored is forbidden, which is not zero.

    Attributes:
        offsets: int64 [n + 1]; row i is entries offsets[i]..offsets[i + 1] - 1.
        neighbours: int32 [m], the other part of each entry, ascending within a row.
        values: float64 [m], >= 0.
    """

    offsets: NDArray[np.int64]
    neighbours: NDArray[np.int32]
    values: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.offsets) - 1

    def rows(self) -> NDArray[np.intp]:
        """intp [m]: the row of each entry."""
        return np.repeat(np.arange(len(self)), np.diff(self.offsets))

    def row(self, part: int) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """The neighbours of a part and their similarities to it."""
        entries = slice(self.offsets[part], self.offsets[part + 1])
        return self.neighbours[entries], self.values[entries]

    def restrict(self, kept: NDArray[np.intp]) -> "Similarity":
        """The similarities among the parts `kept` (ascending), renumbered 0, 1, ... in that order."""
        numbers = np.full(len(self), -1)
        numbers[kept] = np.arange(len(kept))
        rows, columns = numbers[self.rows()], numbers[self.neighbours]
        stays = (rows >= 0) & (columns >= 0)
        return Similarity(_offsets(rows[stays], len(kept)), columns[stays].astype(np.int32), self.values[stays])


def log_similarities(edges: Edges, count: int) -> Similarity:
    """Similarities L = log(max(s, floor) / floor), floor the 5 % quantile of the scores.

    Scores span three decades; their logarithm keeps the strongest from splitting every cluster. Of scores that join the
    same pair, in either direction, the largest counts.

    Args:
        edges: Positive scores between different parts.
        count: Number of parts n.
    """
    low = np.minimum(edges.sources, edges.targets).astype(np.int64)
    high = np.maximum(edges.sources, edges.targets).astype(np.int64)
    pairs, scores = largest_per_key(low * count + high, edges.scores.astype(np.float64))
    low, high = np.divmod(pairs, count)
    rows, columns = np.concatenate([low, high]), np.concatenate([high, low])
    order = np.argsort(rows * count + columns)
    values = np.tile(_log_over_floor(scores), 2)[order]
    return Similarity(_offsets(rows[order], count), columns[order].astype(np.int32), values)


def largest_per_key(
    keys: NDArray[np.int64], values: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """The distinct keys, ascending, and the largest of the values that share each."""
    if len(keys) == 0:
        return keys, values
    order = np.argsort(keys)
    ordered = keys[order]
    starts = np.flatnonzero(np.diff(ordered, prepend=ordered[0] - 1))
    return ordered[starts], np.maximum.reduceat(values[order], starts)


def _log_over_floor(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    if len(scores) == 0:
        return scores
    floor = np.quantile(scores, FLOOR_QUANTILE)
    return np.log(np.maximum(scores, floor) / floor)


def _offsets(rows: NDArray[np.integer], count: int) -> NDArray[np.int64]:
    return np.concatenate([[0], np.cumsum(np.bincount(rows, minlength=count))]).astype(np.int64)
