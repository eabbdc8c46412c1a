"""Candidate matches: pairs of boxes of two images that look alike and have a similar aspect."""

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from visum_proposals.described_image import PreparedImage

_MAX_ASPECT_RATIO = 2.0


@dataclass(frozen=True)
class Candidates:
    """Similarities of all boxes of two images; pairs outside of the admitted ranges, or not positive, are none."""

    similarities: NDArray[np.float32]
    """Dot products of descriptors [M_first, M_second]."""
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
    """Compares all boxes; admits those whose aspects differ by less than a factor 2."""
    return Candidates(
        similarities=first.descriptors @ second.descriptors.T,
        begins=np.searchsorted(second.aspects, first.aspects / _MAX_ASPECT_RATIO, side="right"),
        ends=np.searchsorted(second.aspects, first.aspects * _MAX_ASPECT_RATIO, side="left"),
    )


def best_matches(candidates: Candidates) -> tuple[BestMatches, BestMatches]:
    """The most similar candidates of the first image's boxes, and of the second's. Of equals, the first in order."""
    rows, columns = candidates.similarities.shape
    of_first, of_second = no_matches(rows), no_matches(columns)
    _find_best(
        candidates.similarities,
        candidates.begins,
        candidates.ends,
        of_first.score,
        of_first.index,
        of_second.score,
        of_second.index,
    )
    return of_first, of_second


def no_matches(count: int) -> BestMatches:
    """Boxes of which none has found a match yet."""
    return BestMatches(np.zeros(count, dtype=np.float32), np.zeros(count, dtype=np.int32))


@njit(cache=True, nogil=True)
def _find_best(similarities, begins, ends, row_best, row_index, column_best, column_index):  # type: ignore[no-untyped-def]
    for i in range(len(similarities)):
        row = similarities[i]
        for j in range(begins[i], ends[i]):
            if row[j] > row_best[i]:
                row_best[i] = row[j]
                row_index[i] = j
            better = row[j] > column_best[j]
            column_best[j] = row[j] if better else column_best[j]
            column_index[j] = np.int32(i) if better else column_index[j]


@njit(cache=True, nogil=True)
def _select(similarities, begins, ends, first, second, selected):  # type: ignore[no-untyped-def]
    for a in range(len(first)):
        i = first[a]
        for b in range(len(second)):
            j = second[b]
            is_admitted = begins[i] <= j < ends[i]
            selected[a, b] = max(similarities[i, j], np.float32(0)) if is_admitted else np.float32(0)
