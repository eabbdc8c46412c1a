"""The best match scores of every part, found while the tiles come in."""

import numpy as np
from numpy.typing import NDArray

SCORES_KEPT = 150
"""Scores kept of a part."""
_LOW_31_BITS = np.uint64(0x7FFFFFFF)
_ONE = np.uint64(1)
_SHIFT = np.uint64(32)


class BestScores:
    """Keeps the best scores of each part. What is kept does not depend on the order in which scores come.

    A score and its partner are one integer: the bits of a positive float32 order as the number does, and of equal
    scores the lower partner is the larger integer. The last bit says whether one of both images was mirrored.

    Args:
        parts: Number of parts.
        kept: Scores kept of a part.
    """

    def __init__(self, parts: int, kept: int = SCORES_KEPT) -> None:
        self._kept = max(1, min(kept, parts))
        self._best = np.zeros((parts, self._kept), dtype=np.uint64)

    def add(
        self, rows: slice, columns: slice, scores: NDArray[np.float32], mirrored: NDArray[np.bool_] | None = None
    ) -> None:
        """Takes scores of the parts `rows` with the parts `columns`, which they did not have before.

        Args:
            rows: Parts whose best scores they may be.
            columns: Their partners.
            scores: float32 [rows, columns], >= 0; 0 is no score.
            mirrored: True [rows, columns] where the image of one of both was mirrored; None: nowhere.
        """
        bits = np.ascontiguousarray(scores, dtype=np.float32).view(np.uint32).astype(np.uint64)
        partners = (_LOW_31_BITS - np.arange(columns.start, columns.stop, dtype=np.uint64)) << _ONE
        packed = np.where(scores > 0, (bits << _SHIFT) | partners, np.uint64(0))
        if mirrored is not None:
            packed |= mirrored & (packed > 0)
        together = np.concatenate([self._best[rows], packed], axis=1)
        together.partition(together.shape[1] - self._kept, axis=1)
        self._best[rows] = together[:, -self._kept :]

    def edges(self) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]:
        """Sources, targets and scores of the pairs that either part kept: each once, source < target, sorted."""
        pairs, scores = self._kept_pairs()
        unique, first = np.unique(pairs, return_index=True)
        sources, targets = np.divmod(unique, max(1, len(self._best)))
        return sources.astype(np.int32), targets.astype(np.int32), scores[first]

    def is_mirrored(self, part: int, other: int) -> bool:
        """Whether the image of one of two parts was mirrored; False where neither kept their score."""
        rows = ((self._best[part], other), (self._best[other], part))
        return any((row[(_partners(row) == partner) & (row > 0)] & _ONE).any() for row, partner in rows)

    def _kept_pairs(self) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """Each pair of parts as one number, and its score; twice where both parts kept it."""
        is_kept = self._best > 0
        packed = self._best[is_kept]
        parts, partners = np.repeat(np.arange(len(is_kept)), is_kept.sum(axis=1)), _partners(packed)
        pairs = np.minimum(parts, partners) * len(is_kept) + np.maximum(parts, partners)
        return pairs, (packed >> _SHIFT).astype(np.uint32).view(np.float32)


def _partners(packed: NDArray[np.uint64]) -> NDArray[np.int64]:
    return (_LOW_31_BITS - ((packed >> _ONE) & _LOW_31_BITS)).astype(np.int64)
