"""Proposal flow: scores between the surviving boxes of two images (Ham et al., Proposal Flow, 2016).

All boxes of both images vote, but only scores between survivors are computed and kept, which gives the same as matching
everything and pruning afterwards.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto

import numpy as np
from numpy.typing import NDArray

from visum_proposals.candidates import best_matches, find_candidates
from visum_proposals.described_image import DescribedImage, PreparedImage
from visum_proposals.hough_matching import hough_scores
from visum_proposals.local_offset_matching import first_pass, local_offset_scores
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
class Match:
    """How two images match."""

    scores: NDArray[np.float32]
    """Scores between their survivors [S_first, S_second], >= 0."""
    mirrored: bool
    """True where the second image was mirrored."""


@dataclass(frozen=True)
class PairScores(Match):
    """The match of one pair of a tile."""

    row: int
    """Index among the rows."""
    column: int
    """Index among the columns; of a diagonal tile: among the rows, > row."""


def match_tile(
    rows: Sequence[DescribedImage],
    columns: Sequence[DescribedImage] | None,
    options: MatchOptions,
    parities: NDArray[np.float32] | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> list[PairScores]:
    """Scores of all pairs of a tile, ordered by row, then column. A score depends on its two images alone.

    Args:
        rows: Images of the rows.
        columns: Images of the columns; None: the rows' own, each unordered pair once.
        options: How pairs are matched.
        parities: Of the descriptors' dimensions [D]: match against the mirrored images of the columns too; None: not.
        should_stop: Asked before every pair.

    Raises:
        Stopped: `should_stop` said so.
    """
    firsts = [PreparedImage.of(image) for image in rows]
    seconds = firsts if columns is None else [PreparedImage.of(image) for image in columns]
    results = []
    for row, column in _pairs(len(rows), None if columns is None else len(columns)):
        if should_stop():
            raise Stopped("the call was cancelled")
        match = match_pair(firsts[row], seconds[column], options, parities)
        results.append(PairScores(match.scores, match.mirrored, row, column))
    return results


def match_pair(
    first: PreparedImage, second: PreparedImage, options: MatchOptions, parities: NDArray[np.float32] | None = None
) -> Match:
    """Scores between the survivors of two images.

    With parities, the second image is taken mirrored if that gives more evidence: a larger sum of the best scores of
    all boxes of both images. It does not depend on which of the boxes survive.
    """
    if not (len(first.survivors) and len(second.survivors)):
        return Match(np.zeros((len(first.survivors), len(second.survivors)), dtype=np.float32), mirrored=False)
    attempt = _attempt(first, second, options.method)
    mirrored = parities is not None and _attempt(first, second.mirrored(parities), options.method)
    best = mirrored if mirrored and mirrored.evidence > attempt.evidence else attempt
    scores = best.scores()
    scores[scores < options.min_score] = 0
    return Match(scores, mirrored=best is not attempt)


@dataclass(frozen=True)
class _Attempt:
    evidence: float
    scores: Callable[[], NDArray[np.float32]]


def _attempt(first: PreparedImage, second: PreparedImage, method: Method) -> _Attempt:
    candidates = find_candidates(first, second)
    if method is Method.LOM:
        believed = first_pass(first, second, candidates)
        return _Attempt(believed.evidence, lambda: local_offset_scores(first, second, candidates, believed))
    if method is Method.PHM:
        scores = hough_scores(first, second, candidates)
        evidence = scores.max(axis=0).sum() + scores.max(axis=1).sum() if scores.size else 0.0
        return _Attempt(float(evidence), lambda: scores[np.ix_(first.survivors, second.survivors)])
    best = best_matches(candidates)
    evidence = sum(matches.score.sum(dtype=np.float64) for matches in best)
    return _Attempt(float(evidence), lambda: candidates.select(first.survivors, second.survivors))


def _pairs(rows: int, columns: int | None) -> Iterator[tuple[int, int]]:
    for row in range(rows):
        for column in range(row + 1, rows) if columns is None else range(columns):
            yield row, column
