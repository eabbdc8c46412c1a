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
        """Pixels of a part, bool [H, W], as `place_of`.

        Args:
            part: Its number.
            regions: Region map of its image, [H, W].
        """
        return place_of(regions, self.box(part), int(self.regions[part]))


def place_of(regions: NDArray[np.int32], box: Box, region: int) -> NDArray[np.bool_]:
    """Pixels of a part, at least one: its box within its region; the whole box where the region leaves nothing of it.

    A box survives by what it holds of its region dilated, so it may hold nothing of the region itself.
    """
    x0, y0, x1, y1 = (max(0, edge) for edge in box)
    pixels = np.zeros(regions.shape, dtype=bool)
    inside = regions[y0:y1, x0:x1] == region
    pixels[y0:y1, x0:x1] = inside if inside.any() else True
    return pixels
