"""Candidate matches: pairs of boxes of two images that look alike and have a similar aspect."""

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from visum_proposals.described_image import PreparedImage

_MAX_ASPECT_RATIO = 2.0
_BLOCK_ROWS = 84
"""Boxes of the first image that are compared at a time, with those of the second that any of them admits."""


@dataclass(frozen=True)
class Candidates:
    """Similarities of the boxes of two images; pairs outside of the admitted ranges, or not positive, are none."""

    similarities: NDArray[np.float32]
    """Dot products of descriptors [M_first, M_second]; undefined outside of the admitted ranges."""
    begins: NDArray[np.intp]
    """First admitted box of the second image, for each of the first [M_first]."""
    ends: NDArray[np.intp]
    """One past the last [M_first]."""

    def select(self, first: NDArray[np.intp], second: NDArray[np.intp]) -> NDArray[np.float32]:
        """Similarities between chosen boxes of the first and of the second image; 0 where there is no candidate."""
        selected = np.empty((len(first), len(second)), dtype=np.float32)
        _select(self.similarities, self.begins, self.ends, first, second, selected)
        return selected

    def all(self) -> NDArray[np.float32]:
        """Similarities of all boxes [M_first, M_second]; 0 where there is no candidate."""
        rows, columns = self.similarities.shape
        return self.select(np.arange(rows), np.arange(columns))


@dataclass(frozen=True)
class BestMatches:
    """The best candidate of each box of one image in another."""

    score: NDArray[np.float32]
    """Its score [M]; 0 where there is none."""
    index: NDArray[np.int32]
    """Its index in the other image [M]."""


def find_candidates(first: PreparedImage, second: PreparedImage) -> Candidates:
    """Compares boxes whose aspects differ by less than a factor 2.

    Both images are sorted by aspect, so that these pairs lie in a band about the diagonal; the rest is not computed.
    """
    begins = np.searchsorted(second.aspects, first.aspects / _MAX_ASPECT_RATIO, side="right")
    ends = np.searchsorted(second.aspects, first.aspects * _MAX_ASPECT_RATIO, side="left")
    similarities = np.empty((len(first.aspects), len(second.aspects)), dtype=np.float32)
    for start in range(0, len(begins), _BLOCK_ROWS):
        rows = slice(start, start + _BLOCK_ROWS)
        columns = slice(begins[start], ends[rows][-1])
        np.matmul(first.descriptors[rows], second.descriptors[columns].T, out=similarities[rows, columns])
    return Candidates(similarities, begins, ends)


def best_matches(candidates: Candidates) -> tuple[BestMatches, BestMatches]:
    """The most similar candidates of the first image's boxes, and of the second's. Of equals, the first in order."""
    return best_of_first(candidates), _best_of_second(candidates)


def best_of_first(candidates: Candidates) -> BestMatches:
    """The most similar candidates of the first image's boxes alone."""
    best = _no_matches(candidates.similarities.shape[0])
    _find_best_of_rows(candidates.similarities, candidates.begins, candidates.ends, best.score, best.index)
    return best


def _best_of_second(candidates: Candidates) -> BestMatches:
    best = _no_matches(candidates.similarities.shape[1])
    _find_best_of_columns(candidates.similarities, candidates.begins, candidates.ends, best.score, best.index)
    return best


def _no_matches(count: int) -> BestMatches:
    return BestMatches(np.zeros(count, dtype=np.float32), np.zeros(count, dtype=np.int32))


# No similarity is NaN: without that promise, the largest of a row is looked for element by element.
@njit(cache=True, nogil=True, fastmath={"nnan", "nsz"})
def _find_best_of_rows(similarities, begins, ends, scores, indices):  # type: ignore[no-untyped-def]
    for i in range(len(similarities)):
        row = similarities[i, begins[i] : ends[i]]
        best = np.float32(0)
        for j in range(len(row)):
            best = max(best, row[j])
        if best > 0:
            at = 0
            while at < len(row) - 1 and row[at] < best:
                at += 1
            scores[i], indices[i] = best, begins[i] + at


@njit(cache=True, nogil=True)
def _find_best_of_columns(similarities, begins, ends, scores, indices):  # type: ignore[no-untyped-def]
    for i in range(len(similarities)):
        row = similarities[i, begins[i] : ends[i]]
        best, index = scores[begins[i] : ends[i]], indices[begins[i] : ends[i]]
        for j in range(len(row)):
            is_better = row[j] > best[j]
            best[j] = row[j] if is_better else best[j]
            index[j] = np.int32(i) if is_better else index[j]


@njit(cache=True, nogil=True)
def _select(similarities, begins, ends, first, second, selected):  # type: ignore[no-untyped-def]
    admitted = np.empty(similarities.shape[1], dtype=np.float32)
    for a in range(len(first)):
        begin, end = begins[first[a]], ends[first[a]]
        row = similarities[first[a], begin:end]
        admitted[:] = 0
        for j in range(len(row)):
            admitted[begin + j] = max(row[j], np.float32(0))
        for b in range(len(second)):
            selected[a, b] = admitted[second[b]]
