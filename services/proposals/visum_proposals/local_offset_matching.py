"""Local offset matching: a candidate is believed if its offset is that of the boxes around it.

After Ham et al., Proposal Flow, 2016. There, scores are updated in place while the boxes are gone through, so that they
depend on the order of the boxes; here every box is held against the unchanged appearance scores.
"""

import numpy as np
from numba import njit
from numpy.typing import NDArray

from visum_proposals.candidates import BestMatches, Candidates, best_matches
from visum_proposals.described_image import PreparedImage

DISTANCE_WEIGHT_PER_PX = 0.05
AREA_RATIO_WEIGHT = 0.3


def local_offset_scores(first: PreparedImage, second: PreparedImage, candidates: Candidates) -> NDArray[np.float32]:
    """Scores of the candidates between survivors, the larger of both directions.

    From i to l the score is S_il * exp(-0.05 |d_il - median d| - 0.3 |r_il - median r|) * (sum of the neighbours' best
    similarities / sum of all): S is the similarity, d the offset of the centres in pixels of a view of 224, r the ratio
    of the areas. The medians are exact, coordinate by coordinate, over the best matches of the neighbours: the boxes
    that overlap i, i among them, and that have a match.

    Returns:
        float32 [S_first, S_second], >= 0.
    """
    best_of_first, best_of_second = best_matches(candidates)
    scores = candidates.select(first.survivors, second.survivors)
    _weigh_by_support(
        first.centers[first.survivors],
        first.areas[first.survivors],
        *_consensus(first, second, best_of_first),
        second.centers[second.survivors],
        second.areas[second.survivors],
        *_consensus(second, first, best_of_second),
        scores,
    )
    return scores


def _consensus(
    image: PreparedImage, other: PreparedImage, best: BestMatches
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Medians (dx, dy, area ratio) of the best matches of each survivor's neighbours [S, 3], their share of all [S]."""
    voters = np.flatnonzero(best.similarity)
    matches = best.index[voters]
    offsets = np.empty((3, len(voters)))
    offsets[:2] = (other.centers[matches] - image.centers[voters]).T
    offsets[2] = other.areas[matches] / image.areas[voters]
    weights = best.similarity[voters].astype(np.float64)
    medians = np.zeros((len(image.survivors), 3))
    shares = np.zeros(len(image.survivors))
    if len(voters):
        _medians_and_shares(image.overlaps, voters, offsets, np.argsort(offsets, axis=1), weights, medians, shares)
    return medians, shares


@njit(cache=True, nogil=True)
def _medians_and_shares(overlaps, voters, offsets, orders, weights, medians, shares):  # type: ignore[no-untyped-def]
    """Exact medians for all survivors at once: one walk along each sorted coordinate, counting neighbours."""
    survivors = overlaps.shape[1]
    neighbours = np.zeros(survivors, dtype=np.int32)
    for k in range(len(voters)):
        row = overlaps[voters[k]]
        for s in range(survivors):
            neighbours[s] += row[s]
            shares[s] += row[s] * weights[k]
    shares /= weights.sum()
    count = np.empty(survivors, dtype=np.int32)
    lower = np.empty(survivors, dtype=np.int32)
    upper = np.empty(survivors, dtype=np.int32)
    lower_rank = (neighbours + 1) // 2
    upper_rank = neighbours // 2 + 1
    for c in range(len(offsets)):
        count[:], lower[:], upper[:] = 0, 0, 0
        for k in orders[c]:
            row = overlaps[voters[k]]
            for s in range(survivors):
                count[s] += row[s]
                lower[s] += count[s] < lower_rank[s]
                upper[s] += count[s] < upper_rank[s]
        for s in range(survivors):
            if neighbours[s] > 0:
                medians[s, c] = (offsets[c, orders[c, lower[s]]] + offsets[c, orders[c, upper[s]]]) / 2


@njit(cache=True, nogil=True)
def _weigh_by_support(  # type: ignore[no-untyped-def]
    centers, areas, medians, shares, other_centers, other_areas, other_medians, other_shares, scores
):
    """Multiplies similarities in place by the larger support of both directions, as one exponential."""
    log_shares = np.log(shares)
    log_other_shares = np.log(other_shares)
    for i in range(len(centers)):
        for j in range(len(other_centers)):
            if scores[i, j] > 0:
                dx = other_centers[j, 0] - centers[i, 0]
                dy = other_centers[j, 1] - centers[i, 1]
                ratio = other_areas[j] / areas[i]
                forward = log_shares[i] - _penalty(dx, dy, ratio, medians[i])
                backward = log_other_shares[j] - _penalty(-dx, -dy, 1 / ratio, other_medians[j])
                scores[i, j] *= np.exp(max(forward, backward))


@njit(cache=True, nogil=True)
def _penalty(dx, dy, ratio, medians):  # type: ignore[no-untyped-def]
    distance = np.sqrt((dx - medians[0]) ** 2 + (dy - medians[1]) ** 2)
    return DISTANCE_WEIGHT_PER_PX * distance + AREA_RATIO_WEIGHT * abs(ratio - medians[2])
