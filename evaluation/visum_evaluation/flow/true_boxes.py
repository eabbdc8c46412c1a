"""Which boxes lie on the object, and where they truly are in another image."""

import numpy as np
from numpy.typing import NDArray

from visum_evaluation.flow.annotated_image import AnnotatedImage
from visum_evaluation.flow.thin_plate_spline import warp
from visum_proposals.boxes import Boxes, areas

MIN_INSIDE = 0.75
"""Fraction of its area that a box must have inside the object's box to be judged."""
_TINY = 1e-9


def on_object(boxes: Boxes, image: AnnotatedImage) -> NDArray[np.bool_]:
    """True [M] where a box lies on the object: 75 % of its area inside the box around the key points."""
    return intersections(boxes.astype(np.float64), image.object_box[None])[:, 0] >= MIN_INSIDE * areas(boxes)


def true_boxes(boxes: Boxes, image: AnnotatedImage, other: AnnotatedImage) -> NDArray[np.float64]:
    """Where boxes of one image are in another: their corners go through the thin-plate spline of the key points.

    Of the four warped corners, kept within the other view, the two leftmost are averaged, and so on.

    Returns:
        [M, 4], pixels of the other view.
    """
    corners = boxes[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, 2).astype(np.float64)
    warped = warp(corners, image.key_points, other.key_points).clip(0, other.size).reshape(len(boxes), 4, 2)
    ordered = np.sort(warped, axis=1)
    return np.concatenate([ordered[:, :2].mean(axis=1), ordered[:, 2:].mean(axis=1)], axis=1)


def overlaps(boxes: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Intersection over union of all boxes [N, 4] with all others [M, 4]: [N, M]."""
    shared = intersections(boxes, others)
    union = _sizes(boxes)[:, None] + _sizes(others)[None] - shared
    return shared / np.maximum(union, _TINY)


def intersections(boxes: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.float64]:
    """Shared areas of all boxes [N, 4] with all others [M, 4]: [N, M]."""
    starts = np.maximum(boxes[:, None, :2], others[None, :, :2])
    ends = np.minimum(boxes[:, None, 2:], others[None, :, 2:])
    return np.asarray((ends - starts).clip(0).prod(axis=2))


def _sizes(boxes: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray((boxes[:, 2:] - boxes[:, :2]).prod(axis=1))
