"""Areas and overlaps of boxes (x0, y0, x1, y1), x1 and y1 exclusive."""

import numpy as np
from numpy.typing import NDArray


def areas(boxes: NDArray[np.int32]) -> NDArray[np.int64]:
    """int64 [...]: areas of boxes [..., 4], square pixels."""
    sides = boxes[..., 2:].astype(np.int64) - boxes[..., :2]
    return np.asarray(sides.prod(axis=-1))


def overlaps(first: NDArray[np.int32], second: NDArray[np.int32]) -> NDArray[np.float64]:
    """float64 [...]: intersection over union of boxes [..., 4] that broadcast against each other."""
    low = np.maximum(first[..., :2], second[..., :2]).astype(np.int64)
    high = np.minimum(first[..., 2:], second[..., 2:]).astype(np.int64)
    shared = np.maximum(high - low, 0).prod(axis=-1)
    return np.asarray(shared / (areas(first) + areas(second) - shared))
