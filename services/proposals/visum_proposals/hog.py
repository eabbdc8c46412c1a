"""Histograms of oriented gradients with 31 dimensions a cell (Felzenszwalb et al., Object Detection with
Discriminatively Trained Part Based Models, section 6), for many crops at once.

Each pixel votes with the gradient of its strongest channel for the nearest of 18 directions, shared linearly between
four cells. A cell is described by 18 signed and 9 unsigned directions, each normalized by the energy of four blocks of
2x2 cells, cut at 0.2 and averaged, and by 4 sums of the cut values. The outermost ring of cells only normalizes.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

CELL_SIDE_PX = 8
CELL_DIMENSIONS = 31
_ORIENTATIONS = 9
_DIRECTIONS = 2 * _ORIENTATIONS
_CUT = 0.2
_TEXTURE_WEIGHT = 0.2357
_EPSILON = 1e-4
_GREY_LEVELS = 255.0
_TILT = np.float32(1e-4)

_COSINES = np.cos(np.arange(_ORIENTATIONS) * np.pi / _ORIENTATIONS).astype(np.float32)
_SINES = np.sin(np.arange(_ORIENTATIONS) * np.pi / _ORIENTATIONS).astype(np.float32)


def describe_gradients(crops: NDArray[np.float32]) -> NDArray[np.float32]:
    """Histograms of each crop.

    Args:
        crops: float32 [N, C, S, S], 0..255; S a multiple of 8 and at least 24.

    Returns:
        float32 [N, (S/8 - 2)^2 * 31], row by row of cells, in each cell signed, unsigned, texture; >= 0.

    Raises:
        ValueError: The crops have another shape.
    """
    side = crops.shape[-1]
    if crops.ndim != 4 or crops.shape[2] != side or side % CELL_SIDE_PX or side < 3 * CELL_SIDE_PX:
        raise ValueError(f"crops have shape {crops.shape}, expected [N, C, S, S] with S a multiple of 8 from 24 on")
    cells = side // CELL_SIDE_PX
    features = np.empty((len(crops), cells - 2, cells - 2, CELL_DIMENSIONS), dtype=np.float32)
    _describe_all(np.ascontiguousarray(crops, dtype=np.float32), features)
    return features.reshape(len(crops), (cells - 2) ** 2 * CELL_DIMENSIONS)


def mirrored_order(crop_side_px: int) -> NDArray[np.intp]:
    """Order [F] that turns a crop's features into those of the crop with left and right exchanged: f[..., order]."""
    cells = crop_side_px // CELL_SIDE_PX - 2
    signed = (_ORIENTATIONS - np.arange(_DIRECTIONS)) % _DIRECTIONS
    unsigned = (_ORIENTATIONS - np.arange(_ORIENTATIONS)) % _ORIENTATIONS
    blocks = np.array([1, 0, 3, 2])
    cell_order = np.concatenate([signed, _DIRECTIONS + unsigned, _DIRECTIONS + _ORIENTATIONS + blocks])
    features = np.arange(cells * cells * CELL_DIMENSIONS).reshape(cells, cells, CELL_DIMENSIONS)
    return features[:, ::-1, cell_order].ravel()


@njit(cache=True, nogil=True)
def _describe_all(crops, features):  # type: ignore[no-untyped-def]
    cells = crops.shape[2] // CELL_SIDE_PX
    histogram = np.empty((cells, cells, _DIRECTIONS), dtype=np.float32)
    for n in range(len(crops)):
        _fill_histogram(crops[n], histogram)
        _normalize(histogram, features[n])


@njit(cache=True, nogil=True)
def _fill_histogram(crop, histogram):  # type: ignore[no-untyped-def]
    side = crop.shape[1]
    cells = side // CELL_SIDE_PX
    first_cell, second_share = _linear_shares(side)
    gradient = np.empty((3, side - 2), dtype=np.float32)
    direction = np.empty(side - 2, dtype=np.int32)
    row_votes = np.empty((cells + 2, _DIRECTIONS), dtype=np.float32)
    histogram[:] = 0
    for y in range(1, side - 1):
        _strongest_gradients(crop, y, gradient)
        _nearest_directions(gradient, _TILT if y % 2 else -_TILT, direction)
        row_votes[:] = 0
        for x in range(side - 2):
            cell, share, magnitude = first_cell[x], second_share[x], gradient[2, x]
            row_votes[cell, direction[x]] += (np.float32(1) - share) * magnitude
            row_votes[cell + 1, direction[x]] += share * magnitude
        for offset, share in ((0, np.float32(1) - second_share[y - 1]), (1, second_share[y - 1])):
            row = first_cell[y - 1] + offset - 1
            if 0 <= row < cells:
                for cell in range(cells):
                    for d in range(_DIRECTIONS):
                        histogram[row, cell, d] += share * row_votes[cell + 1, d]


@njit(cache=True, nogil=True)
def _linear_shares(side):  # type: ignore[no-untyped-def]
    """For the inner pixels of a line: the first of the two nearest cells, counted from one before the crop, and the
    share of the second."""
    first_cell = np.empty(side - 2, dtype=np.int64)
    second_share = np.empty(side - 2, dtype=np.float32)
    for i in range(side - 2):
        position = (i + 1.5) / CELL_SIDE_PX + 0.5
        first_cell[i] = int(position)
        second_share[i] = np.float32(position - int(position))
    return first_cell, second_share


@njit(cache=True, nogil=True)
def _strongest_gradients(crop, y, gradient):  # type: ignore[no-untyped-def]
    """Gradient (x, y) and magnitude of the strongest channel, for the inner pixels of a row."""
    dx, dy, strongest = gradient
    gradient[:] = 0
    for channel in range(len(crop)):
        left, right = crop[channel, y, :-2], crop[channel, y, 2:]
        above, below = crop[channel, y - 1, 1:-1], crop[channel, y + 1, 1:-1]
        for x in range(len(dx)):
            gx = right[x] - left[x]
            gy = below[x] - above[x]
            square = gx * gx + gy * gy
            stronger = square > strongest[x]
            strongest[x] = square if stronger else strongest[x]
            dx[x] = gx if stronger else dx[x]
            dy[x] = gy if stronger else dy[x]
    for x in range(len(dx)):
        strongest[x] = np.sqrt(strongest[x]) / np.float32(_GREY_LEVELS)


@njit(cache=True, nogil=True)
def _nearest_directions(gradient, tilt, direction):  # type: ignore[no-untyped-def]
    """The direction, 0..17, nearest to each gradient.

    A vertical gradient is as near to 80 as to 100 degrees. Were it always given to the first, a mirrored crop would not
    have mirrored histograms: the tilt, of another sign in every other row, shares them out.
    """
    dx, dy = gradient[0], gradient[1]
    best = np.zeros(len(dx), dtype=np.float32)
    direction[:] = 0
    for orientation in range(_ORIENTATIONS):
        cosine, sine = _COSINES[orientation], _SINES[orientation]
        for x in range(len(dx)):
            along = cosine * (dx[x] + tilt * dy[x]) + sine * dy[x]
            length = abs(along)
            towards = np.int32(orientation) if along > 0 else np.int32(orientation + _ORIENTATIONS)
            direction[x] = towards if length > best[x] else direction[x]
            best[x] = max(length, best[x])


@njit(cache=True, nogil=True)
def _normalize(histogram, features):  # type: ignore[no-untyped-def]
    cells = len(histogram)
    energy = np.zeros((cells, cells), dtype=np.float32)
    for y in range(cells):
        for x in range(cells):
            for o in range(_ORIENTATIONS):
                both = histogram[y, x, o] + histogram[y, x, o + _ORIENTATIONS]
                energy[y, x] += both * both
    scale = np.empty((cells - 1, cells - 1), dtype=np.float32)
    for y in range(cells - 1):
        for x in range(cells - 1):
            block = energy[y, x] + energy[y, x + 1] + energy[y + 1, x] + energy[y + 1, x + 1]
            scale[y, x] = np.float32(1) / np.sqrt(block + np.float32(_EPSILON))
    for y in range(cells - 2):
        for x in range(cells - 2):
            blocks = (scale[y, x], scale[y, x + 1], scale[y + 1, x], scale[y + 1, x + 1])
            _describe_cell(histogram[y + 1, x + 1], blocks, features[y, x])


@njit(cache=True, nogil=True)
def _describe_cell(votes, blocks, feature):  # type: ignore[no-untyped-def]
    cut = np.float32(_CUT)
    half = np.float32(0.5)
    feature[:] = 0
    for b in range(4):
        for d in range(_DIRECTIONS):
            share = min(votes[d] * blocks[b], cut)
            feature[d] += half * share
            feature[_DIRECTIONS + _ORIENTATIONS + b] += np.float32(_TEXTURE_WEIGHT) * share
        for o in range(_ORIENTATIONS):
            feature[_DIRECTIONS + o] += half * min((votes[o] + votes[o + _ORIENTATIONS]) * blocks[b], cut)
