"""Graph-based segmentation (Felzenszwalb and Huttenlocher, Efficient Graph-Based Image Segmentation, 2004).

Neighbouring pixels are joined in the order of their difference, as long as it is small for both of the regions that
they belong to. The order does not depend on the scale, so that several scales share one sorted list.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

_SIGMA_PX = float(np.float32(0.8))
"""In single precision, as OpenCV's selective search has it: the last digits decide about regions."""
_MIN_REGION_PX = 100
_INDEX_BITS = np.uint64(32)
_LOW_BITS = np.uint64(0xFFFFFFFF)


def segment(image: NDArray[np.uint8], scales: Sequence[float]) -> list[NDArray[np.int32]]:
    """Regions of an image, once for each scale; larger scales give larger regions, of 100 pixels at least.

    Args:
        image: uint8 [H, W, C].
        scales: Differences that a region of one pixel tolerates.

    Returns:
        For each scale a map int32 [H, W]: regions are numbered from 0 in the order of their first pixels.
    """
    height, width = image.shape[:2]
    blurred = cv2.GaussianBlur(image.astype(np.float32), (0, 0), _SIGMA_PX)
    smooth = np.asarray(blurred, dtype=np.float32).reshape(height, width, -1)
    pixels = np.arange(height * width, dtype=np.int32).reshape(height, width)
    first = np.concatenate([pixels[:, :-1].ravel(), pixels[:-1].ravel()])
    second = np.concatenate([pixels[:, 1:].ravel(), pixels[1:].ravel()])
    differences = np.concatenate(
        [_distances(smooth[:, :-1], smooth[:, 1:]).ravel(), _distances(smooth[:-1], smooth[1:]).ravel()]
    )
    order = _ascending(differences)
    edges = first[order], second[order], differences[order]
    return [_join(*edges, np.float32(scale), height * width).reshape(height, width) for scale in scales]


def _distances(left: NDArray[np.float32], right: NDArray[np.float32]) -> NDArray[np.float32]:
    """Euclidean distances of colours; summed channel by channel, so that they do not depend on the machine."""
    squares = (left - right) ** 2
    return np.asarray(np.sqrt(sum(squares[..., channel] for channel in range(squares.shape[-1]))), dtype=np.float32)


def _ascending(values: NDArray[np.float32]) -> NDArray[np.intp]:
    """Order of values >= 0, of equals the first before the last: bits of positive numbers order as the numbers do."""
    keys = (values.view(np.uint32).astype(np.uint64) << _INDEX_BITS) | np.arange(len(values), dtype=np.uint64)
    return (np.sort(keys) & _LOW_BITS).astype(np.intp)


@njit(cache=True, nogil=True)
def _join(first, second, differences, scale, pixels):  # type: ignore[no-untyped-def]
    parents = np.arange(pixels, dtype=np.int32)
    sizes = np.ones(pixels, dtype=np.int32)
    tolerances = np.full(pixels, scale, dtype=np.float32)
    for e in range(len(first)):
        a, b = _root(parents, first[e]), _root(parents, second[e])
        if a != b and differences[e] <= tolerances[a] and differences[e] <= tolerances[b]:
            root = _unite(parents, sizes, a, b)
            tolerances[root] = differences[e] + scale / np.float32(sizes[root])
    for e in range(len(first)):
        a, b = _root(parents, first[e]), _root(parents, second[e])
        if a != b and min(sizes[a], sizes[b]) < _MIN_REGION_PX:
            _unite(parents, sizes, a, b)
    return _numbered(parents)


@njit(cache=True, nogil=True)
def _root(parents, pixel):  # type: ignore[no-untyped-def]
    root = parents[pixel]
    while root != parents[root]:
        root = parents[root]
    parents[pixel] = root
    return root


@njit(cache=True, nogil=True)
def _unite(parents, sizes, a, b):  # type: ignore[no-untyped-def]
    """Joins the regions of two roots; returns their common root."""
    if sizes[a] < sizes[b]:
        a, b = b, a
    parents[b] = a
    sizes[a] += sizes[b]
    return a


@njit(cache=True, nogil=True)
def _numbered(parents):  # type: ignore[no-untyped-def]
    numbers = np.full(len(parents), -1, dtype=np.int32)
    labels = np.empty(len(parents), dtype=np.int32)
    count = 0
    for pixel in range(len(parents)):
        root = _root(parents, pixel)
        if numbers[root] < 0:
            numbers[root] = count
            count += 1
        labels[pixel] = numbers[root]
    return labels
