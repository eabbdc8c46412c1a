"""Thumbnails moved onto an exemplar before they are compared, as the paper warps members onto it (section 3.2).

Of each thumbnail as it is and mirrored, at three scales, the place of the largest cross-correlation is sought among all
small shifts at once.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import fft

from visum_clustering.parts import THUMBNAIL_SIDE
from visum_clustering.ssim import median_ssim

SCALES = (0.8, 1.0, 1.25)
MAX_SHIFT_PX = 12
_CHUNK = 64
_SHIFTS = np.arange(-MAX_SHIFT_PX, MAX_SHIFT_PX + 1)
_LEAST_LENGTH = 1e-3


def aligned_ssim(thumbnails: NDArray[np.uint8], least: int) -> float | None:
    """Median SSIM over the pairs of thumbnails, each moved onto the first; None of fewer than `least`, or of one.

    Args:
        thumbnails: uint8 [n, 64, 64], n >= 1; the first is the exemplar.
        least: How many a summary needs: of fewer the figure has no use, and would cost most of the time where clusters
            are many and small.
    """
    return median_ssim(align(thumbnails)) if len(thumbnails) >= max(2, least) else None


def align(thumbnails: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Moves thumbnails onto the first: mirrored, scaled and shifted so that they correlate most with it.

    Where a moved thumbnail ends inside the frame, its border goes on.

    Args:
        thumbnails: uint8 [n, 64, 64], n >= 1; the first is the exemplar.

    Returns:
        uint8 [n, 64, 64], the first as it was.
    """
    exemplar, others = thumbnails[0], thumbnails[1:]
    chunks = [_aligned(others[start : start + _CHUNK], exemplar) for start in range(0, len(others), _CHUNK)]
    return np.concatenate([exemplar[None], *chunks])


def _aligned(thumbnails: NDArray[np.uint8], exemplar: NDArray[np.uint8]) -> NDArray[np.uint8]:
    spectrum = np.conj(fft.rfft2(_normalized(exemplar[None].astype(np.float32))))
    highest = np.full(len(thumbnails), -np.inf, np.float32)
    best = np.empty_like(thumbnails)
    for candidate in _candidates(thumbnails):
        correlations = fft.irfft2(fft.rfft2(_normalized(candidate)) * spectrum, s=candidate.shape[1:])
        window = correlations[:, _SHIFTS[:, None], _SHIFTS].reshape(len(thumbnails), -1)
        peaks = window.argmax(axis=1)
        heights = window[np.arange(len(window)), peaks]
        better = np.flatnonzero(heights > highest)
        highest[better] = heights[better]
        best[better] = _shifted(candidate[better], *np.divmod(peaks[better], len(_SHIFTS)))
    return best


def _candidates(thumbnails: NDArray[np.uint8]) -> list[NDArray[np.float32]]:
    """Every thumbnail as it is, and then in every other way; so of equals the one that is changed least wins."""
    plain = thumbnails.astype(np.float32)
    scales = sorted(SCALES, key=lambda scale: abs(scale - 1))
    return [
        np.asarray(_scaling(scale) @ pictures @ _scaling(scale).T, np.float32)
        for scale in scales
        for pictures in (plain, plain[:, :, ::-1])
    ]


def _scaling(scale: float) -> NDArray[np.float32]:
    """float32 [64, 64]: linear interpolation along an axis, about its middle."""
    middle = (THUMBNAIL_SIDE - 1) / 2
    places = np.clip((np.arange(THUMBNAIL_SIDE) - middle) / scale + middle, 0, THUMBNAIL_SIDE - 1)
    return np.maximum(0, 1 - np.abs(places[:, None] - np.arange(THUMBNAIL_SIDE))).astype(np.float32)


def _normalized(pictures: NDArray[np.float32]) -> NDArray[np.float32]:
    """With mean 0 and length 1; a flat picture has none."""
    centred = pictures - pictures.mean(axis=(1, 2), keepdims=True)
    lengths = np.sqrt((centred**2).sum(axis=(1, 2), keepdims=True))
    return np.asarray(centred / np.maximum(lengths, _LEAST_LENGTH))


def _shifted(pictures: NDArray[np.float32], down: NDArray[np.intp], across: NDArray[np.intp]) -> NDArray[np.uint8]:
    """Each picture moved against the shift at which it correlates, given by its number."""
    places = np.arange(THUMBNAIL_SIDE)
    rows = np.clip(places + _SHIFTS[down][:, None], 0, THUMBNAIL_SIDE - 1)
    columns = np.clip(places + _SHIFTS[across][:, None], 0, THUMBNAIL_SIDE - 1)
    moved = pictures[np.arange(len(pictures))[:, None, None], rows[:, :, None], columns[:, None, :]]
    return np.rint(moved).astype(np.uint8)
