"""Local offset matching: a candidate is believed if its offset is that of the boxes around it, seen from both images.

After Ham et al., Proposal Flow, 2016. There, scores are updated in place while the boxes are gone through, so that they
depend on the order of the boxes; here every box is held against scores that do not change meanwhile, and this is done
twice: the first pass asks the most similar candidates for the offset, the second those that the first believes most.
"""

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from visum_proposals.candidates import BestMatches, Candidates, best_matches, no_matches
from visum_proposals.described_image import PreparedImage

DISTANCE_WEIGHT_PER_PX = 0.05
OCTAVE_WEIGHT = 1.0


@dataclass(frozen=True)
class Consensus:
    """What the neighbours of boxes agree on. A box's neighbours are the boxes that overlap it, it among them."""

    medians: NDArray[np.float64]
    """Median offset (x, y, log2 of the scale) of the neighbours' best matches [K, 3], coordinate by coordinate."""
    shares: NDArray[np.float64]
    """Share of all best scores that the neighbours hold [K]."""


@dataclass(frozen=True)
class FirstPass:
    """The matches that the first pass believes most."""

    of_first: BestMatches
    """Of all boxes of the first image [M_first]."""
    of_second: BestMatches
    """Of all boxes of the second image [M_second]."""

    @property
    def evidence(self) -> float:
        """How well the two images match as wholes: the sum of all best scores."""
        return float(self.of_first.score.sum(dtype=np.float64) + self.of_second.score.sum(dtype=np.float64))


def first_pass(first: PreparedImage, second: PreparedImage, candidates: Candidates) -> FirstPass:
    """Weighs all candidates by the offsets of the most similar ones; best matches of all boxes."""
    best_of_first, best_of_second = best_matches(candidates)
    agreed = consensus(first, second, best_of_first, first.overlaps)
    agreed_back = consensus(second, first, best_of_second, second.overlaps)
    believed, believed_back = no_matches(len(first.octaves)), no_matches(len(second.octaves))
    _find_best_weighed(
        candidates.similarities,
        candidates.begins,
        candidates.ends,
        *_arguments(first.centers, first.octaves, agreed),
        *_arguments(second.centers, second.octaves, agreed_back),
        believed.score,
        believed.index,
        believed_back.score,
        believed_back.index,
    )
    return FirstPass(believed, believed_back)


def local_offset_scores(
    first: PreparedImage, second: PreparedImage, candidates: Candidates, believed: FirstPass
) -> NDArray[np.float32]:
    """Scores of the candidates between survivors: the second pass.

    From i to l the score is S_il * exp(-0.05 |d_il - median d| - |o_il - median o|) * (sum of the neighbours' best
    scores / sum of all): S is the similarity, d the offset of the centres in pixels of a view of 224, o the difference
    of scale in octaves of the side. The score of a pair of boxes is the geometric mean of both directions.

    Returns:
        float32 [S_first, S_second], >= 0.
    """
    agreed = consensus(first, second, believed.of_first, first.survivor_overlaps)
    agreed_back = consensus(second, first, believed.of_second, second.survivor_overlaps)
    scores = candidates.select(first.survivors, second.survivors)
    _weigh(
        *_arguments(first.centers[first.survivors], first.octaves[first.survivors], agreed),
        *_arguments(second.centers[second.survivors], second.octaves[second.survivors], agreed_back),
        scores,
    )
    return scores


def consensus(image: PreparedImage, other: PreparedImage, best: BestMatches, overlaps: NDArray[np.uint8]) -> Consensus:
    """What the neighbours of K boxes agree on; `overlaps` [M, K] is 1 where a box of the image overlaps one of them."""
    voters = np.flatnonzero(best.score)
    matches = best.index[voters]
    offsets = np.empty((3, len(voters)))
    offsets[:2] = (other.centers[matches] - image.centers[voters]).T
    offsets[2] = other.octaves[matches] - image.octaves[voters]
    weights = best.score[voters].astype(np.float64)
    agreed = Consensus(np.zeros((overlaps.shape[1], 3)), np.zeros(overlaps.shape[1]))
    if len(voters):
        order = np.argsort(offsets, axis=1, kind="stable")
        _fill_consensus(overlaps, voters, offsets, order, weights, agreed.medians, agreed.shares)
    return agreed


def _arguments(
    centers: NDArray[np.float64], octaves: NDArray[np.float64], agreed: Consensus
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Places (x, y, octaves) [K, 3], and what is expected of them: medians and half the logarithm of shares [K, 4]."""
    with np.errstate(divide="ignore"):
        half_logarithms = np.log(agreed.shares) / 2
    return np.column_stack([centers, octaves]), np.column_stack([agreed.medians, half_logarithms])


@njit(cache=True, nogil=True)
def _fill_consensus(overlaps, voters, offsets, orders, weights, medians, shares):  # type: ignore[no-untyped-def]
    """Exact medians for all boxes at once: one walk along each sorted coordinate, counting neighbours."""
    boxes = overlaps.shape[1]
    neighbours = np.zeros(boxes, dtype=np.int16)
    for k in range(len(voters)):
        row = overlaps[voters[k]]
        for b in range(boxes):
            neighbours[b] += row[b]
            shares[b] += row[b] * weights[k]
    shares /= weights.sum()
    count = np.empty(boxes, dtype=np.int16)
    lower = np.empty(boxes, dtype=np.int16)
    upper = np.empty(boxes, dtype=np.int16)
    lower_rank = ((neighbours + 1) // 2).astype(np.int16)
    upper_rank = (neighbours // 2 + 1).astype(np.int16)
    for c in range(len(offsets)):
        count[:], lower[:], upper[:] = 0, 0, 0
        for k in orders[c]:
            row = overlaps[voters[k]]
            for b in range(boxes):
                count[b] += row[b]
                lower[b] += count[b] < lower_rank[b]
                upper[b] += count[b] < upper_rank[b]
        for b in range(boxes):
            if neighbours[b] > 0:
                medians[b, c] = (offsets[c, orders[c, lower[b]]] + offsets[c, orders[c, upper[b]]]) / 2


@njit(cache=True, nogil=True)
def _find_best_weighed(  # type: ignore[no-untyped-def]
    similarities,
    begins,
    ends,
    places,
    expected,
    other_places,
    other_expected,
    row_best,
    row_index,
    column_best,
    column_index,
):
    """Best weighed candidates of rows and columns. A support is 1 at most, and dear: the hopeless are passed over."""
    for i in range(len(similarities)):
        for j in range(begins[i], ends[i]):
            similarity = similarities[i, j]
            if similarity > min(row_best[i], column_best[j]):
                exponent = _log_support(places[i], expected[i], other_places[j], other_expected[j])
                score = np.float32(similarity * np.exp(exponent))
                if score > row_best[i]:
                    row_best[i] = score
                    row_index[i] = j
                if score > column_best[j]:
                    column_best[j] = score
                    column_index[j] = i


@njit(cache=True, nogil=True)
def _weigh(places, expected, other_places, other_expected, scores):  # type: ignore[no-untyped-def]
    """Multiplies similarities in place by their support."""
    for i in range(len(places)):
        for j in range(len(other_places)):
            if scores[i, j] > 0:
                scores[i, j] *= np.exp(_log_support(places[i], expected[i], other_places[j], other_expected[j]))


@njit(cache=True, nogil=True)
def _log_support(place, expected, other_place, other_expected):  # type: ignore[no-untyped-def]
    """Logarithm of the geometric mean of the supports in both directions."""
    dx = other_place[0] - place[0]
    dy = other_place[1] - place[1]
    octaves = other_place[2] - place[2]
    distance = np.sqrt((dx - expected[0]) ** 2 + (dy - expected[1]) ** 2)
    distance += np.sqrt((dx + other_expected[0]) ** 2 + (dy + other_expected[1]) ** 2)
    difference = abs(octaves - expected[2]) + abs(octaves + other_expected[2])
    penalty = DISTANCE_WEIGHT_PER_PX * distance + OCTAVE_WEIGHT * difference
    return expected[3] + other_expected[3] - penalty / 2
