"""Distances between items by what the explained network sees of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import eigh

from visum_runtime.errors import InvalidInput

COMPONENTS = 64
"""Principal components that are compared."""
_LEAST_DEVIATION = 1e-6
# Of the strongest: below it there is nothing but what single precision rounds.
_LEAST_STRENGTH = 1e-6
_COLUMNS = 1024


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


def item_distances(kinds: Sequence[FeatureSet], components: int = COMPONENTS) -> NDArray[np.float64]:
    """Distances 0..2, [n, n]: one less the cosine in the space of the principal components of the plain items.

    Of an item and the mirror image of another, and of both as they are, the smaller distance counts, so that objects
    that face opposite ways are compared too. Does not depend on the scale of a feature: every one weighs alike.

    Args:
        kinds: Kinds of features of the same n items that are taken together.
        components: Principal components at most.
    """
    space = FeatureSpace.of(kinds, components)
    plain, mirrored = space.points(kinds)
    crossed = plain @ mirrored.T
    distances = plain @ plain.T
    for cosines in (crossed, crossed.T):
        np.maximum(distances, cosines, out=distances)
    np.subtract(1.0, distances, out=distances)
    np.clip(distances, 0.0, 2.0, out=distances)
    np.fill_diagonal(distances, 0.0)
    return distances


@dataclass(frozen=True, eq=False)
class FeatureSpace:
    """The space of the principal components of some items, in which others can be placed, too."""

    scalings: list["_Scaling"]
    axes: list[NDArray[np.float32]]

    @classmethod
    def of(cls, kinds: Sequence[FeatureSet], components: int = COMPONENTS) -> "FeatureSpace":
        """The space of the plain items."""
        scalings = [_Scaling.of(kind.plain) for kind in kinds]
        together = np.hstack([scaling.applied(kind.plain) for scaling, kind in zip(scalings, kinds, strict=True)])
        axes = _principal_axes(together, components)
        widths = np.cumsum([kind.plain.shape[1] for kind in kinds])[:-1]
        return cls(scalings, np.split(axes, widths))

    def points(self, kinds: Sequence[FeatureSet]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Unit vectors [n, k] of items as they are, and of their mirror images."""
        return self._points([kind.plain for kind in kinds]), self._points([kind.mirrored for kind in kinds])

    def _points(self, rows: Sequence[NDArray[np.floating]]) -> NDArray[np.float64]:
        kinds = zip(self.scalings, rows, self.axes, strict=True)
        return unit_rows(np.sum([scaling.applied(values) @ axes for scaling, values, axes in kinds], axis=0))


@dataclass(frozen=True, eq=False)
class _Scaling:
    """What gives each feature mean 0 and deviation 1 over the plain items."""

    means: NDArray[np.float32]
    deviations: NDArray[np.float32]

    @classmethod
    def of(cls, rows: NDArray[np.floating]) -> "_Scaling":
        means = rows.mean(axis=0, dtype=np.float64)
        deviations = np.concatenate(
            [
                rows[:, start : start + _COLUMNS].astype(np.float64).std(axis=0)
                for start in range(0, rows.shape[1], _COLUMNS)
            ]
        )
        return cls(means.astype(np.float32), (deviations + _LEAST_DEVIATION).astype(np.float32))

    def applied(self, rows: NDArray[np.floating]) -> NDArray[np.float32]:
        scaled = rows.astype(np.float32)
        scaled -= self.means
        scaled /= self.deviations
        return scaled


def _principal_axes(rows: NDArray[np.float32], components: int) -> NDArray[np.float32]:
    """Axes [F, k] along which the rows [n, F] vary most, k at most `components`; none along which they do not.

    From the smaller of the two tables of products, which is many times faster than the whole decomposition.
    """
    count, width = rows.shape
    products = (rows.T @ rows if width <= count else rows @ rows.T).astype(np.float64)
    strengths, vectors = eigh(products, subset_by_index=[max(0, len(products) - components), len(products) - 1])
    strong = strengths > _LEAST_STRENGTH * strengths[-1]
    if width <= count:
        return vectors[:, strong].astype(np.float32)
    return rows.T @ (vectors[:, strong] / np.sqrt(strengths[strong])).astype(np.float32)


def unit_rows(rows: NDArray[np.floating]) -> NDArray[np.float64]:
    """Rows of length 1; a row of zeros stays one."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(lengths, np.finfo(np.float64).tiny), np.float64)
