"""Proposal flow: scores between the surviving boxes of two images (Ham et al., Proposal Flow, 2016).

All boxes of both images vote, but only scores between survivors are computed and kept, which gives the same as matching
everything and pruning afterwards.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto

import numpy as np
from numpy.typing import NDArray

from visum_proposals.candidates import Candidates, find_candidates
from visum_proposals.described_image import DescribedImage, PreparedImage
from visum_proposals.hough_matching import hough_scores
from visum_proposals.local_offset_matching import local_offset_scores
from visum_runtime.errors import InvalidInput, Stopped


class Method(Enum):
    """How candidate matches support each other."""

    LOM = auto()
    """Local offset matching: overlapping boxes agree on an offset."""
    PHM = auto()
    """Probabilistic Hough matching: all boxes agree on an offset."""
    NAM = auto()
    """Naive appearance matching: no support."""


@dataclass(frozen=True)
class MatchOptions:
    """How pairs are matched.

    Raises:
        InvalidInput: A value is out of range; names the field.
    """

    method: Method = Method.LOM
    """Support."""
    min_score: float = 0.0
    """Scores below this become 0, >= 0 (paper, section 3.2: the minimal admissible matching score)."""

    def __post_init__(self) -> None:
        if not 0 <= self.min_score < float("inf"):
            raise InvalidInput(f"is {self.min_score}, must not be negative", field="options.min_score")


@dataclass(frozen=True)
class PairScores:
    """Scores of one pair of a tile."""

    row: int
    """Index among the rows."""
    column: int
    """Index among the columns; of a diagonal tile: among the rows, > row."""
    scores: NDArray[np.float32]
    """[S_row, S_column], >= 0: the larger of both directions."""


def match_tile(
    rows: Sequence[DescribedImage],
    columns: Sequence[DescribedImage] | None,
    options: MatchOptions,
    should_stop: Callable[[], bool] = lambda: False,
) -> list[PairScores]:
    """Scores of all pairs of a tile, ordered by row, then column. A score depends on its two images alone.

    Args:
        rows: Images of the rows.
        columns: Images of the columns; None: the rows' own, each unordered pair once.
        options: How pairs are matched.
        should_stop: Asked before every pair.

    Raises:
        Stopped: `should_stop` said so.
    """
    prepared_rows = [PreparedImage.of(image) for image in rows]
    prepared_columns = prepared_rows if columns is None else [PreparedImage.of(image) for image in columns]
    results = []
    for row, column in _pairs(len(rows), None if columns is None else len(columns)):
        if should_stop():
            raise Stopped("the call was cancelled")
        scores = match_pair(prepared_rows[row], prepared_columns[column], options)
        results.append(PairScores(row, column, scores))
    return results


def match_pair(first: PreparedImage, second: PreparedImage, options: MatchOptions) -> NDArray[np.float32]:
    """Scores [S_first, S_second] between the survivors of two images, the larger of both directions, >= 0."""
    if not (len(first.survivors) and len(second.survivors)):
        return np.zeros((len(first.survivors), len(second.survivors)), dtype=np.float32)
    scores = _scores(first, second, find_candidates(first, second), options.method)
    scores[scores < options.min_score] = 0
    return scores


def _scores(first: PreparedImage, second: PreparedImage, candidates: Candidates, method: Method) -> NDArray[np.float32]:
    if method is Method.LOM:
        return local_offset_scores(first, second, candidates)
    if method is Method.PHM:
        return hough_scores(first, second, candidates)
    return candidates.select(first.survivors, second.survivors)


def _pairs(rows: int, columns: int | None) -> Iterator[tuple[int, int]]:
    for row in range(rows):
        for column in range(row + 1, rows) if columns is None else range(columns):
            yield row, column
