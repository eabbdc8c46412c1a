"""Boxes: int32 [N, 4] of (x0, y0, x1, y1) in view pixels, x1 and y1 exclusive."""

import numpy as np
from numpy.typing import NDArray

VIEW_SIDE_PX = 224
"""Shorter side of the view in whose pixels lengths are given; other views scale them."""

Boxes = NDArray[np.int32]


def as_boxes(values: object) -> Boxes:
    """Boxes as a contiguous int32 array [N, 4]; an empty sequence gives [0, 4]."""
    return np.ascontiguousarray(values, dtype=np.int32).reshape(-1, 4)


def areas(boxes: Boxes) -> NDArray[np.int64]:
    """Areas [N], square pixels."""
    sides = (boxes[:, 2:] - boxes[:, :2]).astype(np.int64)
    return sides[:, 0] * sides[:, 1]
