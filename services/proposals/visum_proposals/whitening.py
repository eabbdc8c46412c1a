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

STATISTICS_FILE = "whitening_v1.npz"
REGULARIZATION = 0.1
DESCRIPTOR_DIMENSIONS = 128


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

    def __post_init__(self) -> None:
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
            if {"mean", "projection"} - set(arrays.files):
                raise ValueError(f"{source} has arrays {arrays.files}, expected mean and projection")
            return cls(arrays["mean"].astype(np.float32), arrays["projection"].astype(np.float32))

    def save(self, path: Path) -> None:
        """Writes a statistics file. The same statistics give the same bytes."""
        np.savez(path, mean=self.mean, projection=self.projection)

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

    def whitening(self, dimensions: int = DESCRIPTOR_DIMENSIONS, regularization: float = REGULARIZATION) -> Whitening:
        """Whitening with the covariance plus `regularization` times the identity, along its first eigenvectors.

        Args:
            dimensions: Eigenvectors kept, those of the largest eigenvalues.
            regularization: Added to every eigenvalue; keeps noise from being blown up.

        Raises:
            ValueError: Fewer than two features were seen, or more dimensions are asked for than there are.
        """
        if self.count < 2 or dimensions > len(self._sum):
            raise ValueError(f"cannot take {dimensions} of {len(self._sum)} dimensions from {self.count} features")
        mean = self._sum / self.count
        covariance = self._products / self.count - np.outer(mean, mean)
        eigenvalues, eigenvectors = np.linalg.eigh(covariance)
        kept = slice(-1, -dimensions - 1, -1)
        scale = 1 / np.sqrt(np.maximum(eigenvalues[kept], 0) + regularization)
        projection = eigenvectors[:, kept] * scale
        return Whitening(mean.astype(np.float32), np.ascontiguousarray(_with_fixed_signs(projection), np.float32))


def _with_fixed_signs(columns: NDArray[np.float64]) -> NDArray[np.float64]:
    """Eigenvectors have no sign of their own: the largest element of each becomes positive."""
    largest = columns[np.abs(columns).argmax(axis=0), np.arange(columns.shape[1])]
    return columns * np.where(largest < 0, -1.0, 1.0)
