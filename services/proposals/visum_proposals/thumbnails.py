"""Greyscale pictures of boxes, all of one size: what clustering compares by structure."""

import cv2
import numpy as np
from numpy.typing import NDArray

from visum_proposals.boxes import Boxes

THUMBNAIL_SIDE_PX = 64


def make_thumbnails(view: NDArray[np.uint8], boxes: Boxes) -> NDArray[np.uint8]:
    """Boxes of a view, greyscale, stretched to squares.

    Args:
        view: RGB, uint8 [H, W, 3].
        boxes: int32 [N, 4], not empty, within the view.

    Returns:
        uint8 [N, 64, 64].
    """
    grey = cv2.cvtColor(view, cv2.COLOR_RGB2GRAY)
    thumbnails = np.empty((len(boxes), THUMBNAIL_SIDE_PX, THUMBNAIL_SIDE_PX), dtype=np.uint8)
    for thumbnail, (x0, y0, x1, y1) in zip(thumbnails, boxes, strict=True):
        cv2.resize(grey[y0:y1, x0:x1], thumbnail.shape, dst=thumbnail, interpolation=cv2.INTER_AREA)
    return thumbnails
