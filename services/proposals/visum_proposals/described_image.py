"""Images as matching sees them: boxes, descriptors and survivors, checked and put in order."""

from dataclasses import dataclass, replace
from typing import Self

import numpy as np
from numpy.typing import NDArray

from visum_proposals.boxes import VIEW_SIDE_PX, Boxes
from visum_proposals.rotation import Rotation
from visum_runtime.errors import InvalidInput

MAX_COORDINATE_PX = 1 << 15


@dataclass(frozen=True)
class DescribedImage:
    """One image's boxes for matching.

    Raises:
        InvalidInput: The arrays do not fit together, a box is empty, or an index is out of range; names the field.
    """

    boxes: Boxes
    """int32 [M, 4]: all boxes that vote, the survivors among them."""
    descriptors: NDArray[np.floating]
    """float16 or float32 [M, D]."""
    survivors: NDArray[np.int32]
    """int32 [S]: indices of the survivors among the M boxes."""
    view_side: int
    """Shorter side of the view, pixels."""

    def __post_init__(self) -> None:
        if not 1 <= self.view_side <= MAX_COORDINATE_PX:
            raise InvalidInput(f"is {self.view_side}, must be within 1..{MAX_COORDINATE_PX}", field="view_side")
        if (self.boxes < 0).any() or (self.boxes > MAX_COORDINATE_PX).any():
            raise InvalidInput(f"has coordinates outside of 0..{MAX_COORDINATE_PX}", field="boxes")
        if (self.boxes[:, 2:] <= self.boxes[:, :2]).any():
            raise InvalidInput("has an empty box: x1 > x0 and y1 > y0 must hold", field="boxes")
        if len(self.descriptors) != len(self.boxes):
            raise InvalidInput(f"are {len(self.descriptors)}, for {len(self.boxes)} boxes", field="descriptors")
        if len(self.survivors) > len(self.boxes) or len(np.unique(self.survivors)) != len(self.survivors):
            raise InvalidInput("must be distinct indices", field="survivors")
        if (self.survivors < 0).any() or (self.survivors >= len(self.boxes)).any():
            raise InvalidInput(f"has an index outside of the {len(self.boxes)} boxes", field="survivors")


@dataclass(frozen=True)
class PreparedImage:
    """A described image in an order of our own, so that results do not depend on the order of the boxes.

    Boxes are sorted by aspect, then by coordinates: those of admitted aspect are then neighbours in memory.
    """

    descriptors: NDArray[np.float32]
    """[M, D]."""
    aspects: NDArray[np.float64]
    """Width over height [M], ascending."""
    centers: NDArray[np.float64]
    """(x, y) [M, 2], pixels of a view of 224."""
    octaves: NDArray[np.float64]
    """log2 of the side of a square of equal area [M], pixels of a view of 224."""
    survivors: NDArray[np.intp]
    """Positions of the survivors [S], in the caller's order."""
    overlaps: NDArray[np.uint8]
    """[M, M]: 1 where a box overlaps another; each overlaps itself."""
    survivor_overlaps: NDArray[np.uint8]
    """[M, S]: 1 where a box overlaps a survivor."""

    @classmethod
    def of(cls, image: DescribedImage) -> Self:
        """Sorts, scales and finds overlaps, once an image."""
        sides = (image.boxes[:, 2:] - image.boxes[:, :2]).astype(np.float64)
        aspects = sides[:, 0] / sides[:, 1]
        order = np.lexsort([*image.boxes.T[::-1], aspects])
        position = np.empty(len(order), dtype=np.intp)
        position[order] = np.arange(len(order))
        survivors = position[image.survivors]
        boxes = image.boxes[order]
        scale = np.float64(VIEW_SIDE_PX / image.view_side)
        overlaps = _overlap(boxes).astype(np.uint8)
        return cls(
            descriptors=image.descriptors[order].astype(np.float32),
            aspects=aspects[order],
            centers=(boxes[:, :2] + boxes[:, 2:]) * (scale / 2),
            octaves=np.log2(sides[order].prod(axis=1) * scale**2) / 2,
            survivors=survivors,
            overlaps=overlaps,
            survivor_overlaps=np.ascontiguousarray(overlaps[:, survivors]),
        )

    def mirrored(self, parities: NDArray[np.float32]) -> Self:
        """The image with left and right exchanged. Its centres are shifted, which no offset's consensus notices.

        Args:
            parities: Of each dimension of the descriptors, 1 or -1 [D]; those of the whitening.
        """
        return replace(self, descriptors=self.descriptors * parities, centers=self.centers * [-1.0, 1.0])

    def rotated(self, rotation: Rotation, degrees: int) -> Self:
        """The image rotated about its corner: another middle shifts all centres, which no offset's consensus notices.

        Boxes stay upright and keep their sizes.

        Args:
            rotation: That of the descriptors.
            degrees: 15 or -15, counterclockwise.
        """
        cosine, sine = np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees))
        centers = self.centers @ np.array([[cosine, -sine], [sine, cosine]])
        return replace(self, descriptors=rotation.apply(self.descriptors, degrees), centers=centers)


def _overlap(boxes: Boxes) -> NDArray[np.bool_]:
    """True [M, M] where two boxes share area."""
    x0, y0, x1, y1 = boxes.T[:, :, None]
    other_x0, other_y0, other_x1, other_y1 = boxes.T[:, None, :]
    return (x0 < other_x1) & (other_x0 < x1) & (y0 < other_y1) & (other_y0 < y1)
