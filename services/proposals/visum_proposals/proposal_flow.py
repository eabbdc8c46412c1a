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
from visum_proposals.rotation import ROTATION_DEGREES, Rotation
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
    rotation_degrees: int = 0
    """Degrees by which the second image was rotated counterclockwise, before it was mirrored: 0, 15 or -15."""


@dataclass(frozen=True, kw_only=True)
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
    rotation: Rotation | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> list[PairScores]:
    """Scores of all pairs of a tile, ordered by row, then column. A score depends on its two images alone.

    Args:
        rows: Images of the rows.
        columns: Images of the columns; None: the rows' own, each unordered pair once.
        options: How pairs are matched.
        parities: Of the descriptors' dimensions [D]: match against the mirrored images of the columns too; None: not.
        rotation: Of the descriptors: match against the rotated images of the columns too; None: not.
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
        match = match_pair(firsts[row], seconds[column], options, parities, rotation)
        results.append(PairScores(**vars(match), row=row, column=column))
    return results


def match_pair(
    first: PreparedImage,
    second: PreparedImage,
    options: MatchOptions,
    parities: NDArray[np.float32] | None = None,
    rotation: Rotation | None = None,
) -> Match:
    """Scores between the survivors of two images.

    With parities the second image may be taken mirrored, with a rotation rotated by 15 degrees either way: it is taken
    as it gives the most evidence, the largest sum of the best scores of all boxes of both images, and as it is
    where that is equal. The evidence does not depend on which of the boxes survive.
    """
    if not (len(first.survivors) and len(second.survivors)):
        return Match(np.zeros((len(first.survivors), len(second.survivors)), dtype=np.float32), mirrored=False)
    attempts = [
        (_attempt(first, seen, options.method), mirrored, degrees)
        for seen, mirrored, degrees in _ways_to_see(second, parities, rotation)
    ]
    best, mirrored, degrees = max(attempts, key=lambda attempt: attempt[0].evidence)
    scores = best.scores()
    scores[scores < options.min_score] = 0
    return Match(scores, mirrored, degrees)


def _ways_to_see(
    image: PreparedImage, parities: NDArray[np.float32] | None, rotation: Rotation | None
) -> Iterator[tuple[PreparedImage, bool, int]]:
    """The image as it is, then what it may be taken for: whether mirrored, and the degrees of its rotation."""
    for degrees in (0,) if rotation is None else (0, ROTATION_DEGREES, -ROTATION_DEGREES):
        seen = image if rotation is None or not degrees else image.rotated(rotation, degrees)
        yield seen, False, degrees
        if parities is not None:
            yield seen.mirrored(parities), True, degrees


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
