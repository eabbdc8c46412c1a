"""The best match scores of every part, found while the tiles come in."""

import numpy as np
from numpy.typing import NDArray

SCORES_KEPT = 150
"""Scores kept of a part."""
_LOW_32_BITS = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)


class BestScores:
    """Keeps the best scores of each part. What is kept does not depend on the order in which scores come.

    A score and its partner are one integer: the bits of a positive float32 order as the number does, and of equal
    scores the lower partner is the larger integer.

    Args:
        parts: Number of parts.
        kept: Scores kept of a part.
    """

    def __init__(self, parts: int, kept: int = SCORES_KEPT) -> None:
        self._kept = max(1, min(kept, parts))
        self._best = np.zeros((parts, self._kept), dtype=np.uint64)

    def add(self, rows: slice, columns: slice, scores: NDArray[np.float32]) -> None:
        """Takes scores of the parts `rows` with the parts `columns`, which they did not have before.

        Args:
            rows: Parts whose best scores they may be.
            columns: Their partners.
            scores: float32 [rows, columns], >= 0; 0 is no score.
        """
        bits = np.ascontiguousarray(scores, dtype=np.float32).view(np.uint32).astype(np.uint64)
        partners = _LOW_32_BITS - np.arange(columns.start, columns.stop, dtype=np.uint64)
        packed = np.where(scores > 0, (bits << _SHIFT) | partners, np.uint64(0))
        together = np.concatenate([self._best[rows], packed], axis=1)
        together.partition(together.shape[1] - self._kept, axis=1)
        self._best[rows] = together[:, -self._kept :]

    def edges(self) -> tuple[NDArray[np.int32], NDArray[np.int32], NDArray[np.float32]]:
        """Sources, targets and scores of the pairs that either part kept: each once, source < target, sorted."""
        parts, places = np.nonzero(self._best)
        packed = self._best[parts, places]
        partners = (_LOW_32_BITS - (packed & _LOW_32_BITS)).astype(np.int64)
        scores = (packed >> _SHIFT).astype(np.uint32).view(np.float32)
        pairs = np.minimum(parts, partners) * len(self._best) + np.maximum(parts, partners)
        unique, first = np.unique(pairs, return_index=True)
        sources, targets = np.divmod(unique, max(1, len(self._best)))
        return sources.astype(np.int32), targets.astype(np.int32), scores[first]
