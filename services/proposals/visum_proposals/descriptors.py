"""Whitened gradient histograms of boxes: what matching compares."""

import numpy as np
from numpy.typing import NDArray

from visum_proposals.boxes import Boxes
from visum_proposals.crops import crop_boxes
from visum_proposals.hog import describe_gradients
from visum_proposals.whitening import Whitening

_BLOCK_BOXES = 64
"""Boxes worked on at a time: their crops fit into 5 MB."""


def describe_boxes(view: NDArray[np.uint8], boxes: Boxes, whitening: Whitening) -> NDArray[np.float16]:
    """Descriptors of boxes; the similarity of two is the positive part of their dot product.

    A descriptor does not depend on the other boxes of the call.

    Args:
        view: RGB, uint8 [H, W, 3].
        boxes: int32 [N, 4], not empty, within the view.
        whitening: Statistics for histograms of 1984 dimensions.

    Returns:
        float16 [N, D].
    """
    dimensions = whitening.projection.shape[1]
    descriptors = np.empty((len(boxes), dimensions), dtype=np.float16)
    for start in range(0, len(boxes), _BLOCK_BOXES):
        block = slice(start, start + _BLOCK_BOXES)
        features = describe_gradients(crop_boxes(view, boxes[block]))
        descriptors[block] = whitening.apply(features)
    return descriptors
