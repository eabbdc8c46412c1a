"""How true summaries are to the planted parts: purity, recall, Part-F1, agreement, and the rank of their effects."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.stats import spearmanr
from sklearn.metrics import adjusted_mutual_info_score

from visum_demo.comparison import FOUND_PURITY
from visum_demo.shipped import CausalFigure

PERMUTATIONS = 200
_LEAST_TO_RANK = 3


@dataclass(frozen=True)
class ShownSummary:
    """What a summary shows."""

    parts: Sequence[str | None]
    """The planted part that each member shows, the body included; None: no planted part."""
    drop: float | None = None
    """Mean drop when it alone is blurred; None where it was not measured."""

    @property
    def modal(self) -> str | None:
        """The part that most members show; of equals the one that comes first."""
        return Counter(self.parts).most_common(1)[0][0]

    @property
    def purity(self) -> float:
        """Share of the members that show the modal part."""
        return Counter(self.parts).most_common(1)[0][1] / len(self.parts)


@dataclass(frozen=True)
class PartsScore:
    """How true the summaries of a class are. A value of None: not defined, as no summary, or too few to rank."""

    part_f1: float
    """2 hits / (causal parts + summaries); a hit is a summary of purity .8 of a causal part, one to one."""
    purity: float | None
    """Mean over summaries of the share of members that show the modal part."""
    purity_corrected: float | None
    """(purity - chance) / (1 - chance), chance the mean over permutations of the members."""
    recall: float
    """Hits / causal parts."""
    precision: float | None
    """Hits / summaries, without those of parts of which one does not know whether they are causal."""
    ami: float | None
    """Adjusted mutual information of summaries and planted parts over the members."""
    summaries: float
    """Number of summaries."""
    summaries_per_part: float | None
    """Summaries that show a causal part with purity .8, over the parts that they show; ideal 1."""
    drop_effect_rho: float | None
    """Rank correlation of the summaries' drops with the Shapley values of their modal parts."""


def score_class(
    summaries: Sequence[ShownSummary], figures: Sequence[CausalFigure], generator: np.random.Generator
) -> PartsScore:
    """Scores the summaries of a class.

    Args:
        summaries: What each shows; no summary is empty.
        figures: The causal figures of the class, at least one of them causal.
        generator: Draws the permutations of the chance level.
    """
    verdicts = {figure.part: figure.verdict for figure in figures}
    causal = sorted(part for part, verdict in verdicts.items() if verdict == "causal")
    judged = [summary for summary in summaries if verdicts.get(summary.modal or "") != "unsure"]
    hitting = [summary for summary in judged if summary.modal in causal and summary.purity >= FOUND_PURITY]
    hits = count_hits(hitting, causal)
    purity = _mean([summary.purity for summary in summaries])
    return PartsScore(
        part_f1=2 * hits / (len(causal) + len(judged)),
        purity=purity,
        purity_corrected=_above_chance(purity, chance_purities(summaries, generator)),
        recall=hits / len(causal),
        precision=hits / len(judged) if judged else None,
        ami=_mutual_information(summaries),
        summaries=len(summaries),
        summaries_per_part=len(hitting) / hits if hits else None,
        drop_effect_rho=_effect_rank(summaries, {figure.part: figure.shapley for figure in figures}),
    )


def mean_score(scores: Sequence[PartsScore]) -> PartsScore:
    """The mean of each value over the classes where it is defined."""
    columns = {field.name: [getattr(score, field.name) for score in scores] for field in fields(PartsScore)}
    defined = {name: [value for value in column if value is not None] for name, column in columns.items()}
    means: dict[str, Any] = {name: _mean(values) for name, values in defined.items()}
    return PartsScore(**means)


def count_hits(summaries: Sequence[ShownSummary], causal: Sequence[str]) -> int:
    """Causal parts that find a summary of their own among summaries that each show one."""
    if not summaries or not causal:
        return 0
    fits = np.array([[summary.modal == part for part in causal] for summary in summaries], float)
    rows, columns = linear_sum_assignment(fits, maximize=True)
    return round(float(fits[rows, columns].sum()))


def chance_purities(summaries: Sequence[ShownSummary], generator: np.random.Generator) -> NDArray[np.float64]:
    """Mean purities [PERMUTATIONS] after the members' parts were dealt out to the summaries at random."""
    parts = np.array([part or "" for summary in summaries for part in summary.parts], dtype=object)
    ends = np.cumsum([len(summary.parts) for summary in summaries])[:-1]
    dealt = (np.split(generator.permutation(parts), ends) for _ in range(PERMUTATIONS if summaries else 0))
    return np.array([np.mean([ShownSummary(members.tolist()).purity for members in deal]) for deal in dealt])


def _above_chance(purity: float | None, chance: NDArray[np.float64]) -> float | None:
    """1 where everything shows one part, so that no dealing could have been worse."""
    if purity is None:
        return None
    level = float(chance.mean())
    return (purity - level) / (1 - level) if level < 1 else 1.0


def _mutual_information(summaries: Sequence[ShownSummary]) -> float | None:
    numbers = [number for number, summary in enumerate(summaries) for _ in summary.parts]
    parts = [part or "" for summary in summaries for part in summary.parts]
    return float(adjusted_mutual_info_score(parts, numbers)) if numbers else None


def _effect_rank(summaries: Sequence[ShownSummary], effects: Mapping[str, float]) -> float | None:
    """A modal part without a figure (the body, or none) has no effect of its own: 0."""
    drops = [summary.drop for summary in summaries if summary.drop is not None]
    shown = [effects.get(summary.modal or "", 0.0) for summary in summaries if summary.drop is not None]
    if len(drops) < _LEAST_TO_RANK or len(set(drops)) == 1 or len(set(shown)) == 1:
        return None
    return float(spearmanr(drops, shown).statistic)


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None
