"""The planted truth about summaries: which part a region of a picture shows."""

import numpy as np
from numpy.typing import NDArray

from .render import SIDE_PX, Rendering

Box = tuple[int, int, int, int]
"""Left, top, right, bottom in pixels, right and bottom exclusive."""


def planted_part(rendering: Rendering, region: NDArray[np.bool_], box: Box) -> str | None:
    """Name of the planted part that the region shows inside the box.

    Of the region's pixels [128, 128] inside the box, those on each planted part are counted. If more than half of them
    lie on none (background, things that lie about), or if there are none, the answer is None; else the part with the
    most, the body (``body``) counting as a part like any other: a region that shows mainly body has not found a
    distinguishing part. Of equals the first in the order of ``rendering.part_masks`` wins.

    Raises ValueError if the region has another size or the box is empty or outside the picture.
    """
    if region.shape != (SIDE_PX, SIDE_PX):
        raise ValueError(f"the region must be [{SIDE_PX}, {SIDE_PX}], not {list(region.shape)}")
    left, top, right, bottom = box
    if not (0 <= left < right <= SIDE_PX and 0 <= top < bottom <= SIDE_PX):
        raise ValueError(f"the box {box} must be (left, top, right, bottom) within the picture of {SIDE_PX} pixels")
    window = np.s_[top:bottom, left:right]
    shown = region[window]
    counts = {name: int((mask[window] & shown).sum()) for name, mask in rendering.part_masks.items()}
    on_parts = sum(counts.values())
    if on_parts == 0 or 2 * on_parts < int(shown.sum()):
        return None
    return max(counts, key=lambda name: counts[name])
