"""Where the matches of boxes carry the key points of an image."""

import numpy as np
from numpy.typing import NDArray

SHARPNESS = 2
"""Power of the scores per area that weigh the boxes around a key point."""


def carry_key_points(
    key_points: NDArray[np.float64],
    boxes: NDArray[np.float64],
    matches: NDArray[np.float64],
    scores: NDArray[np.float64],
    mirrored: bool = False,
) -> NDArray[np.float64]:
    """Places of key points in the other image: each keeps its relative place in all boxes around it.

    The mean over those boxes, weighed by the squares of their scores per area: a small box says more exactly where it
    is. A point that no matched box holds stays.

    Args:
        key_points: (x, y) [K, 2].
        boxes: [M, 4].
        matches: The best match of each box, a box of the other image [M, 4].
        scores: Its score [M], 0 where there is none.
        mirrored: The other image was matched with left and right exchanged, and so is the place within a box.

    Returns:
        [K, 2], pixels of the other view.
    """
    inside = (boxes[None, :, :2] <= key_points[:, None]) & (key_points[:, None] < boxes[None, :, 2:])
    sides, other_sides = boxes[:, 2:] - boxes[:, :2], matches[:, 2:] - matches[:, :2]
    weights = inside.all(axis=2) * scores.astype(np.float64) / sides.prod(axis=1)
    largest = weights.max(axis=1, initial=0)
    weights = (weights / np.where(largest > 0, largest, 1)[:, None]) ** SHARPNESS
    relative = (key_points[:, None] - boxes[:, :2]) / sides
    if mirrored:
        relative[:, :, 0] = 1 - relative[:, :, 0]
    places = matches[:, :2] + relative * other_sides
    totals = weights.sum(axis=1, keepdims=True)
    carried = (weights[:, :, None] * places).sum(axis=1) / np.where(totals > 0, totals, 1)
    return np.where(totals > 0, carried, key_points)
