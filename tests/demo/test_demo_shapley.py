"""Shapley values obey the axioms that define them."""

from collections.abc import Callable
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from visum_demo.shapley import shapley_values


def game(players: str, score: Callable[[frozenset[str]], float]) -> dict[frozenset[str], float]:
    subsets = [frozenset(chosen) for size in range(len(players) + 1) for chosen in combinations(players, size)]
    return {subset: score(subset) for subset in subsets}


def test_independent_parts_get_what_they_add() -> None:
    worth = {"a": 0.5, "b": 0.3, "c": 0.0}
    values = shapley_values(game("abc", lambda present: 0.1 + sum(worth[p] for p in present)))
    assert values == pytest.approx(worth)


def test_redundant_parts_share_though_no_single_removal_matters() -> None:
    values = shapley_values(game("abc", lambda present: float(bool(present & {"a", "b"}))))
    assert values == pytest.approx({"a": 0.5, "b": 0.5, "c": 0.0})


def test_parts_needed_together_share() -> None:
    values = shapley_values(game("abcd", lambda present: float({"a", "b", "c"} <= present)))
    assert values == pytest.approx({"a": 1 / 3, "b": 1 / 3, "c": 1 / 3, "d": 0.0})


@given(st.lists(st.floats(0, 1), min_size=16, max_size=16))
def test_values_sum_to_what_all_parts_add(scores: list[float]) -> None:
    played = dict(zip(game("abcd", lambda _: 0.0), scores, strict=True))
    total = played[frozenset("abcd")] - played[frozenset()]
    assert np.isclose(sum(shapley_values(played).values()), total)


def test_a_missing_subset_is_an_error() -> None:
    played = game("abc", lambda present: float(len(present)))
    del played[frozenset("ab")]
    with pytest.raises(KeyError):
        shapley_values(played)
