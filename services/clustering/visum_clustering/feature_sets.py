"""Distances between items by what the explained network sees of them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visum_runtime.errors import InvalidInput

COMPONENTS = 64
"""Principal components that are compared."""
_LEAST_DEVIATION = 1e-6


@dataclass(frozen=True, eq=False)
class FeatureSet:
    """One kind of features of n items, each item also as its mirror image shows it.

    Attributes:
        plain: float [n, F].
        mirrored: float [n, F]: the same of the mirrored image.

    Raises:
        InvalidInput: Shapes differ, or a value is not finite.
    """

    plain: NDArray[np.floating]
    mirrored: NDArray[np.floating]

    def __post_init__(self) -> None:
        if self.plain.ndim != 2 or self.plain.shape != self.mirrored.shape:
            shapes = f"{list(self.plain.shape)} and {list(self.mirrored.shape)}"
            raise InvalidInput(f"shapes {shapes} must be equal, [items, features]", field="features")
        if not (np.isfinite(self.plain).all() and np.isfinite(self.mirrored).all()):
            raise InvalidInput("must be finite", field="features")

    def __len__(self) -> int:
        return len(self.plain)

    def take(self, indices: NDArray[np.intp]) -> "FeatureSet":
        """The items at `indices`, in that order."""
        return FeatureSet(self.plain[indices], self.mirrored[indices])

    def standardized(self) -> "FeatureSet":
        """Each feature with mean 0 and deviation 1 over the plain items; divided by the root of their number.

        So sets of different width weigh alike where they are joined.
        """
        plain, mirrored = self.plain.astype(np.float64), self.mirrored.astype(np.float64)
        mean, deviation = plain.mean(axis=0), plain.std(axis=0) + _LEAST_DEVIATION
        scale = deviation * np.sqrt(self.plain.shape[1])
        return FeatureSet((plain - mean) / scale, (mirrored - mean) / scale)

    def joined(self, other: "FeatureSet") -> "FeatureSet":
        """The features of both, one after the other."""
        return FeatureSet(np.hstack([self.plain, other.plain]), np.hstack([self.mirrored, other.mirrored]))


def item_distances(features: FeatureSet, components: int = COMPONENTS) -> NDArray[np.float64]:
    """Distances 0..2, [n, n]: one less the cosine in the space of the principal components of the plain items.

    Of an item and the mirror image of another, and of both as they are, the smaller distance counts, so that objects
    that face opposite ways are compared too. Does not depend on the scale of a feature.
    """
    known = features.standardized()
    _, _, axes = np.linalg.svd(known.plain, full_matrices=False)
    plain, mirrored = (_unit_rows(rows @ axes[:components].T) for rows in (known.plain, known.mirrored))
    crossed = plain @ mirrored.T
    cosines = np.maximum(plain @ plain.T, np.maximum(crossed, crossed.T))
    distances = np.clip(1.0 - cosines, 0.0, 2.0)
    np.fill_diagonal(distances, 0.0)
    return distances


def _unit_rows(rows: NDArray[np.floating]) -> NDArray[np.float64]:
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(lengths, np.finfo(np.float64).tiny), np.float64)
