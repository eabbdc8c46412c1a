"""Boxes of a view, padded and resampled to squares of one size."""

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from visum_proposals.boxes import Boxes

CROP_SIDE_PX = 80
_PADDING_FRACTION = 0.125


def crop_boxes(view: NDArray[np.uint8], boxes: Boxes) -> NDArray[np.float32]:
    """Crops of boxes padded on each side by 1/8 of their width and height, the view's border replicated.

    Resampled with a triangle filter whose support grows with the reduction, so that large boxes do not alias.

    Args:
        view: RGB, uint8 [H, W, 3].
        boxes: int32 [N, 4], not empty, within the view.

    Returns:
        float32 [N, 3, 80, 80], 0..255.
    """
    planes = np.ascontiguousarray(view.transpose(2, 0, 1), dtype=np.float32)
    crops = np.empty((len(boxes), len(planes), CROP_SIDE_PX, CROP_SIDE_PX), dtype=np.float32)
    # A copy, since numba would compile once more for boxes that are read-only.
    _crop_all(planes, np.array(boxes, dtype=np.int32), crops)
    return crops


@njit(cache=True, nogil=True)
def _crop_all(planes, boxes, crops):  # type: ignore[no-untyped-def]
    channels, height, width = planes.shape
    columns = np.empty((channels, CROP_SIDE_PX, width), dtype=np.float32)
    for n in range(len(boxes)):
        x0, y0, x1, y1 = boxes[n]
        x_first, x_weights = _taps(x0, x1, width)
        y_first, y_weights = _taps(y0, y1, height)
        x_begin = max(x_first[0], 0)
        x_end = min(x_first[-1] + x_weights.shape[1], width)
        for channel in range(channels):
            _resample_rows(planes[channel], y_first, y_weights, x_begin, x_end, columns[channel])
            _resample_columns(columns[channel], x_first, x_weights, crops[n, channel])


@njit(cache=True, nogil=True)
def _taps(start, end, extent):  # type: ignore[no-untyped-def]
    """First source pixel of each output pixel, and the weights from there on; borders replicated by folding weights."""
    padding = (end - start) * _PADDING_FRACTION
    pitch = (end - start + 2 * padding) / CROP_SIDE_PX
    support = max(pitch, 1.0)
    count = math.ceil(2 * support) + 1
    first = np.empty(CROP_SIDE_PX, dtype=np.int64)
    weights = np.zeros((CROP_SIDE_PX, count), dtype=np.float32)
    for k in range(CROP_SIDE_PX):
        center = start - padding + (k + 0.5) * pitch - 0.5
        begin = math.ceil(center - support)
        first[k] = min(max(begin, 0), max(extent - count, 0))
        total = 0.0
        for t in range(count):
            total += max(0.0, 1.0 - abs(begin + t - center) / support)
        for t in range(count):
            weight = max(0.0, 1.0 - abs(begin + t - center) / support) / total
            source = min(max(begin + t, 0), extent - 1)
            weights[k, source - first[k]] += np.float32(weight)
    return first, weights


@njit(cache=True, nogil=True)
def _resample_rows(plane, first, weights, x_begin, x_end, rows):  # type: ignore[no-untyped-def]
    """Sums along y: rows[k, x] for x_begin <= x < x_end."""
    for k in range(CROP_SIDE_PX):
        sums = rows[k, x_begin:x_end]
        sums[:] = 0
        for t in range(weights.shape[1]):
            weight = weights[k, t]
            if weight != 0:
                source = plane[first[k] + t, x_begin:x_end]
                for x in range(len(sums)):
                    sums[x] += weight * source[x]


@njit(cache=True, nogil=True)
def _resample_columns(rows, first, weights, crop):  # type: ignore[no-untyped-def]
    """Sums along x."""
    count = min(weights.shape[1], rows.shape[1])
    for j in range(CROP_SIDE_PX):
        for k in range(CROP_SIDE_PX):
            source = rows[k, first[j] : first[j] + count]
            total = np.float32(0)
            for t in range(count):
                total += weights[j, t] * source[t]
            crop[k, j] = total
