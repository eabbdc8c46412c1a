"""What regions of a segmentation look like: histograms of their colours and of the gradients in eight directions."""

from dataclasses import dataclass
from typing import Self

import cv2
import numpy as np
from numba import njit
from numpy.typing import NDArray

_COLOUR_BINS = 25
_TEXTURE_BINS = 10
_LEVELS = 256
_DIAGONAL_DEGREES = 45.0

_COLOUR_BIN = (np.arange(_LEVELS) * _COLOUR_BINS // _LEVELS).astype(np.uint8)
_TEXTURE_BIN = (np.arange(_LEVELS) * _TEXTURE_BINS // _LEVELS).astype(np.uint8)


@dataclass(frozen=True)
class Pixels:
    """The bin of every pixel in each map of an image of C channels."""

    colours: NDArray[np.uint8]
    """Values, 25 bins [C, H * W]."""
    textures: NDArray[np.uint8]
    """Gradients up and down along x, y and both diagonals, each spread over all of its 10 bins [8 C, H * W]."""

    @classmethod
    def of(cls, image: NDArray[np.uint8]) -> Self:
        """Pixels of an image, uint8 [H, W, C]."""
        planes = [np.ascontiguousarray(image[..., channel]) for channel in range(image.shape[2])]
        halves = [half for plane in planes for gradient in _gradients(plane) for half in _halves(gradient)]
        return cls(
            colours=np.stack([_COLOUR_BIN[plane].ravel() for plane in planes]),
            textures=np.stack([_TEXTURE_BIN[half].ravel() for half in halves]),
        )

    def histograms(self, labels: NDArray[np.int32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Colours and textures of regions, numbered from 0 in a map [H, W]: [R, 25 C] and [R, 80 C], rows of sum 1."""
        return _histograms(labels, self.colours, _COLOUR_BINS), _histograms(labels, self.textures, _TEXTURE_BINS)


def _histograms(labels: NDArray[np.int32], bins: NDArray[np.uint8], bin_count: int) -> NDArray[np.float32]:
    counts = np.zeros((int(labels.max()) + 1, len(bins), bin_count), dtype=np.int32)
    _count(labels.reshape(-1), bins, counts)
    totals = counts.sum(axis=(1, 2), dtype=np.int32)
    return counts.reshape(len(counts), -1).astype(np.float32) / totals[:, None].astype(np.float32)


def _gradients(plane: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
    """Along x, y and, in the plane turned by 45 degrees and back, both diagonals."""
    height, width = plane.shape
    center = (width / 2, height / 2)
    turn = cv2.getRotationMatrix2D(center, _DIAGONAL_DEGREES, 1.0)
    bounds = cv2.RotatedRect(center, (width, height), _DIAGONAL_DEGREES).boundingRect()
    turned_width, turned_height = bounds[2:]
    turn[:, 2] += [turned_width / 2 - center[0], turned_height / 2 - center[1]]
    turned = np.asarray(cv2.warpAffine(plane, turn, (turned_width, turned_height)), dtype=np.uint8)
    diagonal = [_turn_back(gradient, (width, height)) for gradient in _along_axes(turned)]
    return [*_along_axes(plane), *diagonal]


def _along_axes(plane: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
    return [np.asarray(cv2.Scharr(plane, cv2.CV_32F, *axis)) for axis in ((1, 0), (0, 1))]


def _turn_back(gradient: NDArray[np.float32], size: tuple[int, int]) -> NDArray[np.float32]:
    height, width = gradient.shape
    center = (width // 2, height // 2)
    turn = cv2.getRotationMatrix2D(center, -_DIAGONAL_DEGREES, 1.0)
    extent = cv2.RotatedRect(center, (width, height), -_DIAGONAL_DEGREES).boundingRect()[2:]
    left, top = max(0, (width - size[0]) // 2), max(0, (height - size[1]) // 2)
    back = cv2.warpAffine(gradient, turn, extent)
    return np.asarray(back[top : top + size[1], left : left + size[0]])


def _halves(gradient: NDArray[np.float32]) -> list[NDArray[np.uint8]]:
    """Rising and falling gradients apart, each spread over the levels."""
    halves = [np.maximum(gradient, 0), np.minimum(gradient, 0)]
    levels = np.empty(gradient.shape, dtype=np.uint8)
    return [
        np.array(cv2.normalize(half, levels, 0, _LEVELS - 1, cv2.NORM_MINMAX, cv2.CV_8U), dtype=np.uint8)
        for half in halves
    ]


@njit(cache=True, nogil=True)
def _count(labels, bins, counts):  # type: ignore[no-untyped-def]
    for p in range(len(bins)):
        for pixel in range(len(labels)):
            counts[labels[pixel], p, bins[p, pixel]] += 1
