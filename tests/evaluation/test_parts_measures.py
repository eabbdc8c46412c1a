"""The measures of summaries against planted parts, on cases whose answers are known."""

import numpy as np
import pytest

from visum_demo.shipped import CausalFigure
from visum_evaluation.parts.measures import ShownSummary, chance_purities, mean_score, score_class

FIGURES = [
    CausalFigure("beak", "designed", 0.4, 0.01, 100),
    CausalFigure("tail", "designed", 0.3, 0.01, 100),
    CausalFigure("crest", "designed", 0.1, 0.01, 100),
    CausalFigure("wing", "shared", 0.01, 0.01, 100),
]


def score(*summaries: ShownSummary):
    return score_class(summaries, FIGURES, np.random.default_rng(0))


def shown(part: str | None, count: int = 10, others: int = 0, drop: float | None = None) -> ShownSummary:
    return ShownSummary([part] * count + [f"other {number}" for number in range(others)], drop)


def test_one_pure_summary_of_each_causal_part_is_perfect():
    found = score(shown("beak"), shown("tail"))
    assert (found.part_f1, found.recall, found.precision, found.purity) == (1, 1, 1, 1)
    assert (found.ami, found.summaries_per_part, found.purity_corrected) == pytest.approx((1, 1, 1))


def test_a_part_that_nobody_knows_to_be_causal_counts_neither_way():
    assert score(shown("beak"), shown("tail"), shown("crest")).part_f1 == 1


@pytest.mark.parametrize("part", ["wing", "body", None])
def test_a_summary_of_what_is_not_causal_costs_precision(part):
    found = score(shown("beak"), shown("tail"), shown(part))
    assert found.precision == pytest.approx(2 / 3)
    assert found.recall == 1
    assert found.part_f1 == pytest.approx(4 / 5)


def test_two_summaries_of_one_part_are_one_hit():
    found = score(shown("beak"), shown("beak"))
    assert (found.recall, found.precision, found.summaries_per_part) == (0.5, 0.5, 2)


@pytest.mark.parametrize(("others", "hits"), [(2, 1), (3, 0)])
def test_a_hit_needs_a_purity_of_eight_tenths(others, hits):
    assert score(shown("beak", 10 - others, others)).recall == hits / 2


def test_no_summary_is_no_hit_and_leaves_the_rest_undefined():
    found = score()
    assert (found.part_f1, found.recall, found.summaries) == (0, 0, 0)
    assert found.purity is found.purity_corrected is found.precision is found.ami is found.drop_effect_rho is None


def test_members_dealt_at_random_are_as_pure_as_chance():
    generator = np.random.default_rng(1)
    parts = generator.permutation(["beak", "tail"] * 40)
    summaries = [ShownSummary(parts[start : start + 20].tolist()) for start in range(0, 80, 20)]
    assert abs(score(*summaries).purity_corrected) < 0.25
    assert 0.5 < chance_purities(summaries, generator).mean() < 0.7


def test_drops_in_the_order_of_effects_rank_alike():
    rising = score(shown("beak", drop=0.5), shown("tail", drop=0.2), shown("wing", drop=0.1))
    falling = score(shown("beak", drop=0.1), shown("tail", drop=0.2), shown("wing", drop=0.5))
    assert rising.drop_effect_rho == pytest.approx(1)
    assert falling.drop_effect_rho == pytest.approx(-1)


def test_the_mean_takes_what_is_defined():
    mean = mean_score([score(shown("beak"), shown("tail")), score()])
    assert mean.part_f1 == 0.5
    assert mean.purity == 1
    assert mean.drop_effect_rho is None
