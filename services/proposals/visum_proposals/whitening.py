"""Whitening of gradient histograms: x -> (x - mean) @ projection.

Linear discriminant analysis with one covariance for all classes makes the likelihood of a match a plain dot product of
whitened descriptors (Hariharan et al., Discriminative Decorrelation for Clustering and Classification, 2012).
"""

from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Self

import numpy as np
from numba import njit
from numpy.typing import NDArray

STATISTICS_FILE = "whitening_v2.npz"
REGULARIZATION = 0.1
DESCRIPTOR_DIMENSIONS = 256
_ARRAYS = ("mean", "projection", "parities")


@dataclass(frozen=True)
class Whitening:
    """Aggregate statistics of natural photographs.

    Raises:
        ValueError: The shapes do not fit together, or values are not finite.
    """

    mean: NDArray[np.float32]
    """Mean of the features, [F]."""
    projection: NDArray[np.float32]
    """Whitening and reduction to D dimensions, [F, D]."""
    parities: NDArray[np.float32]
    """What mirroring a crop does to each dimension [D]: 1 leaves it, -1 turns its sign."""

    def __post_init__(self) -> None:
        if self.parities.shape != self.projection.shape[1:] or (np.abs(self.parities) != 1).any():
            raise ValueError("needs a parity, 1 or -1, for each of the dimensions of the projection")
        if self.mean.ndim != 1 or self.projection.ndim != 2 or len(self.mean) != len(self.projection):
            raise ValueError(f"mean {self.mean.shape} and projection {self.projection.shape} do not fit together")
        if not (np.isfinite(self.mean).all() and np.isfinite(self.projection).all()):
            raise ValueError("mean or projection is not finite")

    @classmethod
    def load(cls, path: Path | None = None) -> Self:
        """Reads a statistics file; without a path, the one that belongs to this version.

        Raises:
            ValueError: The file lacks an array or holds another shape.
            OSError: The file cannot be read.
        """
        source = path or resources.files("visum_proposals") / "data" / STATISTICS_FILE
        with source.open("rb") as stream, np.load(stream, allow_pickle=False) as arrays:
            if set(_ARRAYS) - set(arrays.files):
                raise ValueError(f"{source} has arrays {arrays.files}, expected {', '.join(_ARRAYS)}")
            return cls(*(arrays[name].astype(np.float32) for name in _ARRAYS))

    def save(self, path: Path) -> None:
        """Writes a statistics file. The same statistics give the same bytes."""
        np.savez(path, **{name: getattr(self, name) for name in _ARRAYS})

    def apply(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Whitened features: [N, F] -> [N, D]. A row does not depend on the others, to the last bit."""
        whitened = np.zeros((len(features), self.projection.shape[1]), dtype=np.float32)
        _add_projected(features - self.mean, self.projection, whitened)
        return whitened


@njit(cache=True, nogil=True)
def _add_projected(features, projection, whitened):  # type: ignore[no-untyped-def]
    """A matrix product with one order of summation; that of a BLAS product changes with the row's place in a block."""
    for f in range(len(projection)):
        row = projection[f]
        for n in range(len(features)):
            weight, sums = features[n, f], whitened[n]
            for d in range(len(row)):
                sums[d] += weight * row[d]


class Moments:
    """Mean and covariance of features that are seen a few at a time, in memory of one covariance matrix."""

    def __init__(self, dimensions: int) -> None:
        self.count = 0
        self._sum = np.zeros(dimensions)
        self._products = np.zeros((dimensions, dimensions))

    def add(self, features: NDArray[np.float32]) -> None:
        """Takes features [N, F] in."""
        values = features.astype(np.float64)
        self.count += len(values)
        self._sum += values.sum(axis=0)
        self._products += values.T @ values

    def whitening(
        self,
        dimensions: int = DESCRIPTOR_DIMENSIONS,
        regularization: float = REGULARIZATION,
        mirrored_order: NDArray[np.intp] | None = None,
    ) -> Whitening:
        """Whitening with the covariance plus `regularization` times the identity, along its first eigenvectors.

        With a mirrored order, every photograph counts as seen both ways round. Each eigenvector is then symmetric or
        antisymmetric, so that mirroring does no more to a whitened feature than turn signs.

        Args:
            dimensions: Eigenvectors kept, those of the largest eigenvalues.
            regularization: Added to every eigenvalue; keeps noise from being blown up.
            mirrored_order: Order [F] that mirrors features, an involution; None: mirroring leaves them as they are.

        Raises:
            ValueError: Fewer than two features were seen, or more dimensions are asked for than there are.
        """
        if self.count < 2 or dimensions > len(self._sum):
            raise ValueError(f"cannot take {dimensions} of {len(self._sum)} dimensions from {self.count} features")
        order = np.arange(len(self._sum)) if mirrored_order is None else mirrored_order
        mean = (self._sum + self._sum[order]) / 2 / self.count
        moments = (self._products + self._products[np.ix_(order, order)]) / 2 / self.count
        eigenvalues, eigenvectors, parities = _eigenvectors(moments - np.outer(mean, mean), order)
        kept = np.argsort(-eigenvalues, kind="stable")[:dimensions]
        scale = 1 / np.sqrt(np.maximum(eigenvalues[kept], 0) + regularization)
        projection = _with_fixed_signs(eigenvectors[:, kept] * scale)
        return Whitening(
            mean.astype(np.float32), np.ascontiguousarray(projection, np.float32), parities[kept].astype(np.float32)
        )


def _eigenvectors(
    covariance: NDArray[np.float64], order: NDArray[np.intp]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Eigenvalues [F], eigenvectors [F, F] and whether each is symmetric (1) or antisymmetric (-1) under an order."""
    count = len(order)
    lower = np.flatnonzero(np.arange(count) < order)
    upper = order[lower]
    unmoved = np.flatnonzero(np.arange(count) == order)
    symmetric = np.zeros((count, len(lower) + len(unmoved)))
    symmetric[lower, np.arange(len(lower))] = symmetric[upper, np.arange(len(lower))] = np.sqrt(0.5)
    symmetric[unmoved, len(lower) + np.arange(len(unmoved))] = 1
    antisymmetric = np.zeros((count, len(lower)))
    antisymmetric[lower, np.arange(len(lower))] = np.sqrt(0.5)
    antisymmetric[upper, np.arange(len(lower))] = -np.sqrt(0.5)
    values, vectors, parities = [], [], []
    for basis, parity in ((symmetric, 1.0), (antisymmetric, -1.0)):
        found, directions = np.linalg.eigh(basis.T @ covariance @ basis)
        values.append(found)
        vectors.append(basis @ directions)
        parities.append(np.full(len(found), parity))
    return np.concatenate(values), np.concatenate(vectors, axis=1), np.concatenate(parities)


def _with_fixed_signs(columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Eigenvectors have no sign of their own: the largest element of each becomes positive."""
    largest = columns[np.abs(columns).argmax(axis=0), np.arange(columns.shape[1])]
    return columns * np.where(largest < 0, -1.0, 1.0)
