"""Descriptors of boxes in a rotated view, guessed from those in the view as it is.

A rotation mixes directions and cells of gradient histograms, which is nearly linear: a matrix found by least squares
makes, of a box's descriptor, most of the one that the box would have in a view rotated about its middle.
"""

from dataclasses import dataclass
from importlib import resources
from typing import Self

import numpy as np
from numpy.typing import NDArray

ROTATION_DEGREES = 15
_STATISTICS_FILE = "rotation_v1.npy"


@dataclass(frozen=True)
class Rotation:
    """How descriptors change where the view is rotated by 15 degrees.

    Raises:
        ValueError: The shapes do not fit together, or values are not finite.
    """

    counterclockwise: NDArray[np.float32]
    """A box's descriptor times this [D, D] is the guess of that in a view rotated counterclockwise."""
    parities: NDArray[np.float32]
    """What mirroring does to each dimension, 1 or -1 [D]: rotating clockwise is rotating the mirror image."""

    def __post_init__(self) -> None:
        dimensions = len(self.parities)
        if self.counterclockwise.shape != (dimensions, dimensions):
            raise ValueError(f"matrix {self.counterclockwise.shape} does not fit {dimensions} dimensions")
        if not np.isfinite(self.counterclockwise).all():
            raise ValueError("matrix is not finite")

    @classmethod
    def load(cls, parities: NDArray[np.float32]) -> Self:
        """Reads the matrix that belongs to this version's whitening, with that one's parities."""
        with (resources.files("visum_proposals") / "data" / _STATISTICS_FILE).open("rb") as stream:
            return cls(np.load(stream, allow_pickle=False).astype(np.float32), parities)

    def apply(self, descriptors: NDArray[np.float32], degrees: int) -> NDArray[np.float32]:
        """The descriptors [N, D] rotated by 15 or -15 degrees, counterclockwise where positive."""
        if degrees > 0:
            return np.matmul(descriptors, self.counterclockwise)
        return np.matmul(descriptors * self.parities, self.counterclockwise) * self.parities
