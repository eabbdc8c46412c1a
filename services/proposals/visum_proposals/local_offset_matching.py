"""Local offset matching: a candidate is believed if its offset is that of the boxes around it, seen from both images.

After Ham et al., Proposal Flow, 2016. There, scores are updated in place while the boxes are gone through, so that they
depend on the order of the boxes; here every box is held against scores that do not change meanwhile, and this is done
twice: the first pass asks the most similar candidates for the offset, the second those that the first believes most.
"""

from dataclasses import dataclass, replace

import numpy as np
from numba import njit
from numpy.typing import NDArray

from visum_proposals.candidates import BestMatches, Candidates, best_matches
from visum_proposals.described_image import PreparedImage
from visum_proposals.exponential import exponential

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
    weighed = np.empty_like(candidates.similarities)
    _weigh(
        *_arguments(first.centers, first.octaves, consensus(first, second, best_of_first, first.overlaps)),
        *_arguments(second.centers, second.octaves, consensus(second, first, best_of_second, second.overlaps)),
        candidates.similarities,
        candidates.begins,
        candidates.ends,
        weighed,
    )
    return FirstPass(*best_matches(replace(candidates, similarities=weighed)))


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
    similarities = candidates.select(first.survivors, second.survivors)
    rows, columns = similarities.shape
    scores = np.empty_like(similarities)
    _weigh(
        *_arguments(first.centers[first.survivors], first.octaves[first.survivors], agreed),
        *_arguments(second.centers[second.survivors], second.octaves[second.survivors], agreed_back),
        similarities,
        np.zeros(rows, dtype=np.intp),
        np.full(rows, columns),
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
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Places (x, y, octaves) [3, K], and what is expected of them: medians and half the logarithm of shares [4, K]."""
    with np.errstate(divide="ignore"):
        half_logarithms = np.log(agreed.shares) / 2
    places, expected = (*centers.T, octaves), (*agreed.medians.T, half_logarithms)
    return np.array(places, dtype=np.float32), np.array(expected, dtype=np.float32)


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
    middle = np.empty(boxes, dtype=np.int16)
    rank = ((neighbours + 1) // 2).astype(np.int16)
    for c in range(len(offsets)):
        order = orders[c]
        count[:], middle[:] = 0, 0
        for k in order:
            row = overlaps[voters[k]]
            for b in range(boxes):
                count[b] += row[b]
                middle[b] += count[b] < rank[b]
        for b in range(boxes):
            if neighbours[b] > 0:
                medians[b, c] = _median_from(overlaps[:, b], voters, offsets[c], order, middle[b], neighbours[b])


@njit(cache=True, nogil=True)
def _median_from(is_neighbour, voters, offsets, order, middle, count):  # type: ignore[no-untyped-def]
    """Median of `count` neighbours; `middle` is the place in the order of the middle one, or of the lower of two."""
    lower = offsets[order[middle]]
    if count % 2:
        return lower
    middle += 1
    while not is_neighbour[voters[order[middle]]]:
        middle += 1
    return (lower + offsets[order[middle]]) / 2


@njit(cache=True, nogil=True, fastmath={"contract"})
def _weigh(  # type: ignore[no-untyped-def]
    places, expected, other_places, other_expected, similarities, begins, ends, scores
):
    """Candidates times their support, the geometric mean of both directions; 0 where there is none."""
    for i in range(len(similarities)):
        x, y, octaves = places[0, i], places[1, i], places[2, i]
        expected_x, expected_y, expected_octaves = expected[0, i], expected[1, i], expected[2, i]
        for j in range(begins[i], ends[i]):
            dx, dy, difference = other_places[0, j] - x, other_places[1, j] - y, other_places[2, j] - octaves
            forward = disagreement(dx - expected_x, dy - expected_y, difference - expected_octaves)
            backward = disagreement(
                dx + other_expected[0, j], dy + other_expected[1, j], difference + other_expected[2, j]
            )
            support = expected[3, i] + other_expected[3, j] - np.float32(0.5) * (forward + backward)
            scores[i, j] = max(similarities[i, j], np.float32(0)) * exponential(support)


@njit(inline="always")
def disagreement(dx, dy, octaves):  # type: ignore[no-untyped-def]
    """Penalty of an offset for its difference from the expected one."""
    distance = np.sqrt(dx * dx + dy * dy)
    return np.float32(DISTANCE_WEIGHT_PER_PX) * distance + np.float32(OCTAVE_WEIGHT) * abs(octaves)
