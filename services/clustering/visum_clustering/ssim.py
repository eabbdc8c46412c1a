"""Structural similarity of greyscale thumbnails (Wang et al., IEEE TIP 2004), many pairs at once."""

import numpy as np
from numpy.typing import NDArray

from visum_clustering.parts import THUMBNAIL_SIDE

SIGMA_PIXELS = 1.5
WINDOW_SIDE = 11
DATA_RANGE = 255
C1 = (0.01 * DATA_RANGE) ** 2
C2 = (0.03 * DATA_RANGE) ** 2
# Beyond this a median is estimated from a fixed sample: its quantile is then within 1 % of the half.
MAX_PAIRS = 20_000
_CHUNK_PAIRS = 128
_SEED = 0


def pair_ssim(
    thumbnails: NDArray[np.uint8], first: NDArray[np.integer], second: NDArray[np.integer]
) -> NDArray[np.float64]:
    """float64 [p]: SSIM, -1..1, of thumbnails[first[i]] and thumbnails[second[i]].

    Gaussian window of 11 x 11 pixels, sigma 1.5, population covariances, mean over the positions where the window lies
    inside: what scikit-image computes with `gaussian_weights`, `sigma=1.5`, `use_sample_covariance=False`.

    Args:
        thumbnails: uint8 [n, 64, 64].
        first: int [p], one of each pair.
        second: int [p], the other.
    """
    # Around the middle of the range single precision keeps the differences that covariances are made of.
    pixels = thumbnails.astype(np.float32) - DATA_RANGE / 2
    smoothing = _smoothing_matrix()
    means = _smoothed(pixels, smoothing)
    variances = _smoothed(pixels**2, smoothing) - means**2
    means_seen = means + DATA_RANGE / 2
    result = np.empty(len(first))
    for start in range(0, len(first), _CHUNK_PAIRS):
        a, b = first[start : start + _CHUNK_PAIRS], second[start : start + _CHUNK_PAIRS]
        covariances = _smoothed(pixels[a] * pixels[b], smoothing) - means[a] * means[b]
        luminance = 2 * means_seen[a] * means_seen[b] + C1
        luminance /= means_seen[a] ** 2 + means_seen[b] ** 2 + C1
        structure = (2 * covariances + C2) / (variances[a] + variances[b] + C2)
        result[start : start + _CHUNK_PAIRS] = (luminance * structure).mean(axis=(1, 2), dtype=np.float64)
    return result


def median_ssim(thumbnails: NDArray[np.uint8]) -> float:
    """Median SSIM over the pairs of n >= 2 thumbnails [n, 64, 64]; over 20,000 of them, always the same, if more."""
    return float(np.median(pair_ssim(thumbnails, *_pairs(len(thumbnails)))))


def _pairs(count: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    if count * (count - 1) // 2 <= MAX_PAIRS:
        return np.triu_indices(count, k=1)
    generator = np.random.default_rng(_SEED)
    first = generator.integers(count, size=MAX_PAIRS)
    return first, (first + generator.integers(1, count, size=MAX_PAIRS)) % count


def _smoothed(pixels: NDArray[np.float32], smoothing: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(smoothing @ pixels @ smoothing.T)


def _smoothing_matrix() -> NDArray[np.float32]:
    """float32 [54, 64]: each row weighs the pixels under one position of the window along one axis."""
    offsets = np.arange(WINDOW_SIDE) - WINDOW_SIDE // 2
    weights = np.exp(-(offsets**2) / (2 * SIGMA_PIXELS**2))
    matrix = np.zeros((THUMBNAIL_SIDE - WINDOW_SIDE + 1, THUMBNAIL_SIDE), np.float32)
    for position in range(len(matrix)):
        matrix[position, position : position + WINDOW_SIDE] = weights / weights.sum()
    return matrix
