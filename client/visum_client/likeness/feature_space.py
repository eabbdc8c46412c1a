"""Parts as points, by what the network's feature maps say of them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.float32]

COMPONENTS = 64
"""Principal components that are compared."""
_LEAST_DEVIATION = 1e-6


@dataclass(frozen=True, eq=False)
class PartFeatures:
    """Kinds of features of n parts, each part also as its mirrored view shows it."""

    plain: tuple[Rows, ...]
    """Kinds of features, [n, F] each."""
    mirrored: tuple[Rows, ...]
    """The same of the mirrored views."""

    def __len__(self) -> int:
        return len(self.plain[0])


@dataclass(frozen=True, eq=False)
class Points:
    """Parts in a feature space, vectors of length 1."""

    plain: Rows
    """[n, components]."""
    mirrored: Rows
    """[n, components]."""


class FeatureSpace:
    """The space in which the parts of a run are compared, as the clustering of the preset consensus compares them.

    Each feature has mean 0 and deviation 1 over the parts, kinds weigh alike, and the principal components are kept.

    Args:
        parts: The parts that span it; at least two.
    """

    def __init__(self, parts: PartFeatures) -> None:
        self._means = [rows.mean(axis=0, dtype=np.float64) for rows in parts.plain]
        self._scales = [
            (rows.std(axis=0, dtype=np.float64) + _LEAST_DEVIATION) * np.sqrt(rows.shape[1]) for rows in parts.plain
        ]
        _, _, axes = np.linalg.svd(self._standardized(parts.plain), full_matrices=False)
        self._axes = axes[:COMPONENTS]

    def points(self, parts: PartFeatures) -> Points:
        """Places parts in the space."""
        return Points(self._projected(parts.plain), self._projected(parts.mirrored))

    def _standardized(self, kinds: tuple[Rows, ...]) -> NDArray[np.float64]:
        known = zip(kinds, self._means, self._scales, strict=True)
        return np.hstack([(rows.astype(np.float64) - mean) / scale for rows, mean, scale in known])

    def _projected(self, kinds: tuple[Rows, ...]) -> Rows:
        rows = self._standardized(kinds) @ self._axes.T
        lengths = np.linalg.norm(rows, axis=1, keepdims=True)
        return np.asarray(rows / np.maximum(lengths, np.finfo(np.float64).tiny), np.float32)


def similarities(one: Points, other: Points) -> Rows:
    """Cosines [n, m], -1..1, of all parts of one with all of the other; of a part and its mirror image the larger."""
    straight = one.plain @ other.plain.T
    crossed = np.maximum(one.plain @ other.mirrored.T, one.mirrored @ other.plain.T)
    return np.maximum(straight, crossed)
