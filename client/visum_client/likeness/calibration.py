"""When a part is like a summary: held against how like the summary its own members are, each left out in turn."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

NEIGHBOURS = 3
"""A part is as like a summary as it is, on average, like so many members that are likest to it."""
MIN_SCORE = 0.1
"""A summary is shown where at least this share of its own members fits it no better."""

Values = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Calibration:
    """The likeness of a summary's own members to the others."""

    own: Values
    """[members], sorted: each with the members of other images."""

    def scores(self, likeness: Values) -> Values:
        """Share of the members that fit no better than parts of this likeness, 0..1 each."""
        return np.asarray(np.searchsorted(self.own, likeness, side="right") / len(self.own))

    def scores_without(self, likeness: Values) -> Values:
        """Scores of the members themselves, each against the others alone."""
        ranks = np.searchsorted(self.own, likeness, side="right") - 1
        return np.asarray(ranks / max(1, len(self.own) - 1))


@dataclass(frozen=True)
class Reliability:
    """What the rule says of parts whose summary is known, each left out in turn."""

    members: int
    """Members of the summary."""
    found: float
    """Share of them that the rule gives to it."""
    others: int
    """Parts of the run that are of another summary, or of a discarded cluster."""
    mistaken: float | None
    """Share of these that the rule gives to it all the same; None where there are none."""


def likeness(similarity: NDArray[np.floating], is_other_image: NDArray[np.bool_]) -> Values:
    """How like a summary parts are: mean of the NEIGHBOURS largest similarities to its members in other images.

    Args:
        similarity: [parts, members].
        is_other_image: [parts, members]: true where part and member are of different images.

    Returns:
        [parts]; -1 where all members are of the part's own image.
    """
    known = np.where(is_other_image, similarity, -np.inf)
    nearest = -np.sort(-known, axis=1)[:, :NEIGHBOURS]
    finite = np.isfinite(nearest)
    total = np.where(finite, nearest, 0.0).sum(axis=1)
    count = finite.sum(axis=1)
    return np.where(count > 0, total / np.maximum(1, count), -1.0)


def calibrate(table: Values, labels: Sequence[int]) -> list[Calibration]:
    """The calibration of each summary.

    Args:
        table: [parts, summaries]: likeness of the parts of the run to each summary.
        labels: Summary of each part, -1: none.
    """
    own = np.asarray(labels)
    return [Calibration(np.sort(table[own == summary, summary])) for summary in range(table.shape[1])]


def measure_reliability(table: Values, labels: Sequence[int]) -> list[Reliability]:
    """How the rule does on the parts that the summaries are made of. Arguments as `calibrate`."""
    own = np.asarray(labels)
    calibrations = calibrate(table, labels)
    columns = [_left_out(calibration, table[:, n], own == n) for n, calibration in enumerate(calibrations)]
    chosen = choose(np.stack(columns, axis=1), table)
    return [_reliability(chosen == summary, own == summary) for summary in range(table.shape[1])]


def choose(scores: Values, table: Values) -> NDArray[np.int64]:
    """The summary [parts] of each part: the largest score, of equals the larger likeness; -1 below MIN_SCORE.

    Args:
        scores: [parts, summaries].
        table: Likeness [parts, summaries].
    """
    order = np.lexsort((table, scores), axis=1)[:, -1]
    best = np.take_along_axis(scores, order[:, None], axis=1)[:, 0]
    return np.where(best >= MIN_SCORE, order, -1)


def _left_out(calibration: Calibration, likeness: Values, is_own: NDArray[np.bool_]) -> Values:
    """Scores of all parts for one summary, of its own members against the others alone."""
    return np.where(is_own, calibration.scores_without(likeness), calibration.scores(likeness))


def _reliability(is_chosen: NDArray[np.bool_], is_own: NDArray[np.bool_]) -> Reliability:
    others = int(np.count_nonzero(~is_own))
    mistaken = float(is_chosen[~is_own].mean()) if others else None
    return Reliability(int(np.count_nonzero(is_own)), float(is_chosen[is_own].mean()), others, mistaken)
