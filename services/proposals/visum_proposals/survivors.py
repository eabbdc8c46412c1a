"""The proposals that lie inside the regions of a mask, and the regions' own boxes."""

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from visum_proposals.boxes import VIEW_SIDE_PX, Boxes, areas, as_boxes
from visum_runtime.errors import InvalidInput

MAX_SURVIVORS_LIMIT = 1000
MAX_REGIONS = 1000
REGION_ITSELF = -1
"""Stands for the index of a proposal where the box is a region's own and no proposal's."""


@dataclass(frozen=True)
class SurvivorOptions:
    """Which proposals survive.

    Raises:
        InvalidInput: A value is out of range; names the field.
    """

    min_inside: float = 0.75
    """Fraction of a box that must lie inside one region (paper, section 3.2)."""
    dilation: float = 4.0
    """Radius by which regions are dilated first, pixels of a view of 224, 0..224."""
    add_region_boxes: bool = True
    """The regions' own boxes join the survivors."""
    max_survivors: int = 100
    """Survivors kept, region boxes first, 1..1000."""

    def __post_init__(self) -> None:
        if not 0 <= self.min_inside <= 1:
            raise InvalidInput(f"is {self.min_inside}, must be within 0..1", field="options.min_inside")
        if not 0 <= self.dilation <= VIEW_SIDE_PX:
            raise InvalidInput(f"is {self.dilation}, must be within 0..{VIEW_SIDE_PX}", field="options.dilation")
        if not 1 <= self.max_survivors <= MAX_SURVIVORS_LIMIT:
            message = f"is {self.max_survivors}, must be within 1..{MAX_SURVIVORS_LIMIT}"
            raise InvalidInput(message, field="options.max_survivors")


@dataclass(frozen=True)
class Survivors:
    """Surviving boxes: the regions' own first, then proposals in order of preference.

    No box stands twice, except where it is that of several regions.
    """

    boxes: Boxes
    """int32 [S, 4]."""
    proposals: NDArray[np.int32]
    """Index among the proposals [S], each once; -1 where only a region, or another one as well, has this box."""
    regions: NDArray[np.int32]
    """The region, 1..R, that each lies in [S]."""


def select_survivors(boxes: Boxes, regions: NDArray[np.int32], options: SurvivorOptions) -> Survivors:
    """Survivors among the proposals of one view.

    A proposal survives if enough of its own area lies inside one region; where regions overlap after dilation, it
    belongs to the one that holds most of it, of equals to the first.

    Args:
        boxes: Proposals int32 [M, 4], not empty, within the view, in order of preference.
        regions: Region map int32 [H, W]: i >= 1 inside the i-th region, 0 elsewhere.
        options: Which survive.

    Raises:
        InvalidInput: There are more than 1000 regions.
    """
    found = _find_regions(regions)
    radius_px = options.dilation * min(regions.shape) / VIEW_SIDE_PX
    share, owner = np.zeros(len(boxes)), np.zeros(len(boxes), dtype=np.int32)
    for region in found:
        region_share = _share_inside(boxes, regions, region, radius_px)
        owner[region_share > share] = region.number
        np.maximum(share, region_share, out=share)
    kept = np.flatnonzero((owner > 0) & (share >= options.min_inside))
    own = found if options.add_region_boxes else []
    return _merge(own, boxes, kept, owner[kept], options.max_survivors)


@dataclass(frozen=True)
class _Region:
    number: int
    box: tuple[int, int, int, int]


def _find_regions(regions: NDArray[np.int32]) -> list[_Region]:
    if regions.max(initial=0) > MAX_REGIONS:
        message = f"has {regions.max()} regions, at most {MAX_REGIONS} are allowed"
        raise InvalidInput(message, field="regions_png")
    found = []
    for number, extent in enumerate(ndimage.find_objects(regions), start=1):
        if extent is not None:
            rows, columns = extent
            found.append(_Region(number, (columns.start, rows.start, columns.stop, rows.stop)))
    return found


def _share_inside(boxes: Boxes, regions: NDArray[np.int32], region: _Region, radius_px: float) -> NDArray[np.float64]:
    """Fraction of each box's area [M] that lies inside one region, dilated by a radius."""
    height, width = regions.shape
    margin = math.ceil(radius_px)
    x0, y0, x1, y1 = region.box
    x0, y0, x1, y1 = max(x0 - margin, 0), max(y0 - margin, 0), min(x1 + margin, width), min(y1 + margin, height)
    outside = (regions[y0:y1, x0:x1] != region.number).astype(np.uint8)
    distance = cv2.distanceTransform(outside, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    pixels = cv2.integral((distance <= radius_px).astype(np.uint8))
    left, top, right, bottom = np.clip(boxes.T - [[x0], [y0]] * 2, 0, [[x1 - x0], [y1 - y0]] * 2)
    inside = pixels[bottom, right] - pixels[top, right] - pixels[bottom, left] + pixels[top, left]
    return inside / areas(boxes)


def _merge(
    own: list[_Region], boxes: Boxes, kept: NDArray[np.intp], owners: NDArray[np.int32], limit: int
) -> Survivors:
    """Regions' own boxes before proposals; a proposal with the same box as one before it is left out.

    Of several regions with the box of a proposal the first gets its index, so that no index stands twice.
    """
    proposal_of_box = {tuple(boxes[index]): index for index in reversed(range(len(boxes)))}
    rows = [(region.box, proposal_of_box.pop(region.box, REGION_ITSELF), region.number) for region in own]
    seen = {region.box for region in own}
    for index, number in zip(kept, owners, strict=True):
        if (box := tuple(boxes[index])) not in seen:
            seen.add(box)
            rows.append((box, index, number))
    chosen = rows[:limit]
    return Survivors(
        boxes=as_boxes([box for box, _, _ in chosen]),
        proposals=np.array([proposal for _, proposal, _ in chosen], dtype=np.int32),
        regions=np.array([number for _, _, number in chosen], dtype=np.int32),
    )
