"""The measures of Proposal Flow (Ham et al., 2016, section 5): PCR, mIoU@k and PCK."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

PCR_BINS = 100
MOST_MATCHES = 100
PCK_THRESHOLDS = (0.05, 0.1, 0.15)


def pcr_area(overlaps: NDArray[np.float64]) -> float:
    """Area under the curve of correct regions.

    A match is correct at a threshold t if 1 - IoU <= t; t goes from 0 to 1 in 100 bins.

    Args:
        overlaps: Intersection over union of each judged box's match with its true place [N], N >= 1.

    Returns:
        0..1, up to half a bin the mean of the overlaps.
    """
    thresholds = np.linspace(0, 1, PCR_BINS + 1)
    correct = (1 - overlaps[:, None] <= thresholds).mean(axis=0)
    return float(np.trapezoid(correct, thresholds))


def miou_area(ranked_overlaps: Sequence[NDArray[np.float64]]) -> float:
    """Area under the curve of mIoU@k, the mean overlap of the k matches of highest score of a pair, k = 1..100.

    Pairs with fewer matches count as long as they have any.

    Args:
        ranked_overlaps: For each pair, the overlaps of its matches, best score first; one pair has a match at least.

    Returns:
        0..1: the area divided by the range of k.
    """
    longest = min(MOST_MATCHES, max(len(overlaps) for overlaps in ranked_overlaps))
    at_rank = np.array([np.mean([pair[k] for pair in ranked_overlaps if len(pair) > k]) for k in range(longest)])
    curve = np.cumsum(at_rank) / np.arange(1, longest + 1)
    return float(np.trapezoid(curve) / (longest - 1)) if longest > 1 else float(curve[0])


def correct_key_points(
    found: NDArray[np.float64], true: NDArray[np.float64], thresholds: Sequence[float] = PCK_THRESHOLDS
) -> NDArray[np.float64]:
    """Fractions of key points [T] that are found within each threshold times the longer side of their box.

    Args:
        found: Where key points were found [K, 2].
        true: Where they are [K, 2].
        thresholds: Fractions.
    """
    side = np.ptp(true, axis=0).max()
    errors = np.linalg.norm(found - true, axis=1) / side
    return np.array([(errors <= threshold).mean() for threshold in thresholds])
