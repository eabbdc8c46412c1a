"""Probabilistic Hough matching: a candidate is believed if many boxes vote for its offset.

After Cho et al., Unsupervised Object Discovery and Localization in the Wild, 2015. An offset is (x, y, log2 of the
scale); the votes of each box are one at most in a bin, its strongest, so that boxes with many twins do not outvote the
rest.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from visum_proposals.candidates import Candidates
from visum_proposals.described_image import PreparedImage

BIN_PX = 16.0
BIN_OCTAVES = 0.5
_FARTHEST_PX = 1024.0
_FARTHEST_OCTAVES = 8.0
_SMOOTHING_RADIUS_BINS = 2
_SMOOTHING_SIGMA_BINS = 1.062


def hough_scores(first: PreparedImage, second: PreparedImage, candidates: Candidates) -> NDArray[np.float32]:
    """Scores of all candidates: similarity times the smoothed votes for its offset.

    A direction takes, in each bin, the strongest vote of every box of its first image; the larger of both counts.

    Returns:
        float32 [M_first, M_second], >= 0.
    """
    if not candidates.similarities.size:
        return np.zeros(candidates.similarities.shape, dtype=np.float32)
    bins = _offset_bins(first, second)
    extents = tuple(bins.max(axis=(1, 2)) + 1 + _SMOOTHING_RADIUS_BINS)
    flat_bins = np.ravel_multi_index(tuple(bins), extents)
    similarities = candidates.all()
    forward = _smooth(_votes(similarities, flat_bins, extents))
    backward = _smooth(_votes(similarities.T, flat_bins.T, extents))
    return (similarities * np.maximum(forward, backward).ravel()[flat_bins]).astype(np.float32)


def _offset_bins(first: PreparedImage, second: PreparedImage) -> NDArray[np.int64]:
    """Bins (x, y, scale) of all offsets [3, M_first, M_second], with room for smoothing below the lowest."""
    offsets = np.empty((3, len(first.octaves), len(second.octaves)))
    offsets[:2] = second.centers.T[:, None, :] - first.centers.T[:, :, None]
    offsets[2] = second.octaves[None, :] - first.octaves[:, None]
    widths = np.array([BIN_PX, BIN_PX, BIN_OCTAVES])[:, None, None]
    farthest = np.array([_FARTHEST_PX, _FARTHEST_PX, _FARTHEST_OCTAVES])[:, None, None]
    bins = np.round(np.clip(offsets, -farthest, farthest) / widths).astype(np.int64)
    return bins - bins.min(axis=(1, 2), keepdims=True) + _SMOOTHING_RADIUS_BINS


def _votes(similarities: NDArray[np.float32], bins: NDArray[np.int64], extents: tuple[int, ...]) -> NDArray[np.float64]:
    votes = np.zeros(extents)
    _sum_strongest(np.ascontiguousarray(similarities), np.ascontiguousarray(bins), votes.reshape(-1))
    return votes


@njit(cache=True, nogil=True)
def _sum_strongest(similarities, bins, votes):  # type: ignore[no-untyped-def]
    voter = np.full(len(votes), -1)
    strongest = np.zeros(len(votes), dtype=np.float32)
    for i in range(len(similarities)):
        for j in range(similarities.shape[1]):
            vote, at = similarities[i, j], bins[i, j]
            if voter[at] != i:
                votes[at] += strongest[at]
                voter[at] = i
                strongest[at] = vote
            else:
                strongest[at] = max(strongest[at], vote)
    for at in range(len(votes)):
        votes[at] += strongest[at]


def _smooth(votes: NDArray[np.float64]) -> NDArray[np.float64]:
    """A Gaussian over 5x5x5 bins. Nothing wraps: the outer bins are empty."""
    steps = range(-_SMOOTHING_RADIUS_BINS, _SMOOTHING_RADIUS_BINS + 1)
    weights = np.exp([-(step**2) / (2 * _SMOOTHING_SIGMA_BINS**2) for step in steps])
    weights /= weights.sum()
    for axis in range(votes.ndim):
        votes = sum(weight * np.roll(votes, step, axis) for step, weight in zip(steps, weights, strict=True))
    return votes
