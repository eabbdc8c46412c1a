"""All parts of a run, numbered through."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from visum_client.records import Box

if TYPE_CHECKING:
    from visum_client.stages.proposals import ImageParts


@dataclass(frozen=True)
class PartTable:
    """Parts by their number."""

    images: NDArray[np.int32]
    """[P]: index of the image in the run."""
    boxes: NDArray[np.int32]
    """[P, 4], view pixels."""
    regions: NDArray[np.int32]
    """[P]: region of the image's mask, 1..R."""

    @classmethod
    def of(cls, images: Sequence["ImageParts"]) -> "PartTable":
        """The parts of the images in order."""
        numbers = np.array([parts.image for parts in images], dtype=np.int32)
        return cls(
            np.repeat(numbers, [parts.count for parts in images]),
            np.concatenate([np.empty((0, 4), np.int32), *(parts.boxes for parts in images)]),
            np.concatenate([np.empty(0, np.int32), *(parts.regions for parts in images)]),
        )

    @property
    def count(self) -> int:
        """Number of parts."""
        return len(self.images)

    def box(self, part: int) -> Box:
        """Box of a part."""
        x0, y0, x1, y1 = self.boxes[part].tolist()
        return x0, y0, x1, y1

    def pixels(self, part: int, regions: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Pixels of a part, bool [H, W]: those of its region inside its box.

        Args:
            part: Its number.
            regions: Region map of its image, [H, W].
        """
        x0, y0, x1, y1 = self.box(part)
        inside = np.zeros(regions.shape, dtype=bool)
        inside[y0:y1, x0:x1] = regions[y0:y1, x0:x1] == self.regions[part]
        return inside
