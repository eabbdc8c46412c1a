"""What parts do beyond their size and shape, and which clusters that leaves as summaries."""

from functools import partial

import numpy as np
import pytest
from visum.v1 import clustering_pb2

from visum_client.necessity import estimate_necessity, log_odds_falls, place_elsewhere
from visum_client.options import NecessityOptions
from visum_client.part_table import PartTable
from visum_client.results import judge_effects
from visum_client.stages.drops import Drop
from visum_wire import to_array


def hook(rows: slice, columns: slice, side: int = 32) -> np.ndarray:
    """A rectangle without its first pixel, so that its shape is its own."""
    part = np.zeros((side, side), dtype=bool)
    part[rows, columns] = True
    part[rows.start, columns.start] = False
    return part


@pytest.mark.parametrize("seed", range(20))
def test_a_part_is_placed_elsewhere_in_its_shape(seed):
    part = hook(slice(4, 12), slice(20, 30))
    for placed in place_elsewhere(part, 3, np.random.default_rng(seed)):
        assert not (placed & part).any()
        rows, columns = np.where(placed)
        shape = placed[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
        assert np.array_equal(shape, part[4:12, 20:30])


def test_a_part_of_most_of_the_view_is_placed_as_clear_of_itself_as_can_be():
    part = hook(slice(0, 24), slice(0, 32))
    (placed,) = place_elsewhere(part, 1, np.random.default_rng(0))
    assert placed.sum() == part.sum()
    assert (placed & part).sum() < part.sum()


def test_a_part_of_which_the_region_leaves_nothing_is_its_box():
    regions = np.zeros((8, 8), np.int32)
    regions[:2] = 1
    boxes = np.array([[0, 1, 4, 4], [0, 4, 4, 6]], np.int32)
    table = PartTable(np.zeros(2, np.int32), boxes, np.ones(2, np.int32))
    some, none = (table.pixels(part, regions) for part in range(2))
    assert np.array_equal(np.argwhere(some), [[1, 0], [1, 1], [1, 2], [1, 3]])
    assert none[4:6, :4].all()
    assert none.sum() == 8
    (placed,) = place_elsewhere(none, 1, np.random.default_rng(0))
    assert placed.sum() == 8
    assert not (placed & none).any()


def test_a_part_that_fills_the_view_has_one_place():
    part = np.ones((8, 8), dtype=bool)
    (placed,) = place_elsewhere(part, 1, np.random.default_rng(0))
    assert placed.all()


def test_equal_effects_leave_no_doubt():
    necessity = estimate_necessity([3.0] * 5, [1.0] * 5)
    assert (necessity.mean, necessity.low, necessity.high) == (2.0, 2.0, 2.0)
    assert necessity.is_shown


def test_the_interval_holds_the_mean_and_widens_with_the_spread():
    generator = np.random.default_rng(3)
    narrow, wide = (estimate_necessity(1 + generator.normal(0, spread, 30), [0.0] * 30) for spread in (0.1, 2.0))
    for necessity in (narrow, wide):
        assert necessity.low < necessity.mean < necessity.high
    assert wide.high - wide.low > 5 * (narrow.high - narrow.low)


def test_the_interval_holds_the_true_mean_about_as_often_as_it_says():
    generator = np.random.default_rng(5)
    intervals = [estimate_necessity(generator.normal(1.0, 1.0, 30), [0.0] * 30) for _ in range(200)]
    assert 0.88 <= np.mean([interval.low <= 1.0 <= interval.high for interval in intervals]) <= 0.99


def test_what_happens_elsewhere_as_well_is_not_shown_to_be_needed():
    assert not estimate_necessity([1.0, 2.0, 3.0], [3.0, 1.0, 2.0]).is_shown


def test_a_single_member_shows_nothing():
    necessity = estimate_necessity([5.0], [0.0])
    assert (necessity.mean, necessity.low, necessity.high) == (5.0, None, None)
    assert not necessity.is_shown


def clusters(*members: list[int]) -> clustering_pb2.SummarizeResult:
    return clustering_pb2.SummarizeResult(
        summaries=[
            clustering_pb2.Summary(
                members=to_array(np.array(parts, np.int32)), similarities=to_array(np.ones(len(parts), np.float32))
            )
            for parts in members
        ]
    )


def test_clusters_below_the_margin_are_no_summaries_and_the_order_stays():
    effects = {0: 0.2, 1: 0.3, 2: 2.0, 3: 2.2, 4: 1.0, 5: 1.2}
    drops = {part: Drop(0.1, effect, 0.0) for part, effect in effects.items()}
    kept, without_effect, needed = judge_effects(clusters([0, 1], [2, 3], [4, 5]), 6, drops, lambda largest: 0.5)
    assert needed == 0.5
    assert [[part for part, _ in candidate.members] for candidate in kept] == [[2, 3], [4, 5]]
    assert [[part for part, _ in candidate.members] for candidate in without_effect] == [[0, 1]]
    assert without_effect[0].necessity.mean == pytest.approx(0.25)


def test_without_a_margin_everything_is_kept_and_marked():
    drops = {0: Drop(0.0, 0.0, 1.0), 1: Drop(0.0, 0.0, 1.0)}
    kept, without_effect, _ = judge_effects(clusters([0, 1]), 2, drops, lambda largest: None)
    assert without_effect == []
    assert not kept[0].necessity.is_shown


@pytest.mark.parametrize(
    ("classes", "before", "after", "fall"),
    [
        pytest.param(18, 3.0, 1.0, 2.0, id="above chance"),
        pytest.param(18, 3.0, 4.0, -1.0, id="a rise is negative"),
        pytest.param(18, 1.0, -9.0, 10.0, id="from above chance to below"),
        pytest.param(18, -9.0, -12.0, 0.0, id="below chance nothing is left to lose"),
        pytest.param(18, -9.0, 0.0, 0.0, id="below chance a rise is none"),
        pytest.param(1, -9.0, -12.0, 3.0, id="a single class has no chance"),
    ],
)
def test_log_odds_fall_from_above_chance(classes, before, after, fall):
    """With 18 classes chance is 1/18, log-odds of -log 17."""
    assert log_odds_falls(before, np.array([[after]]), classes) == pytest.approx(fall)


def test_the_largest_necessity_is_the_measure_of_the_others():
    effects = {0: 2.0, 1: 2.0, 2: 8.4, 3: 8.4}
    drops = {part: Drop(0.1, effect, 0.0) for part, effect in effects.items()}
    required = partial(NecessityOptions().required, "consensus")
    kept, without_effect, needed = judge_effects(clusters([0, 1], [2, 3]), 4, drops, required)
    assert needed == pytest.approx(2.1)
    assert [[part for part, _ in candidate.members] for candidate in kept] == [[2, 3]]
    assert len(without_effect) == 1


def test_only_the_consensus_asks_for_an_effect_by_itself():
    assert NecessityOptions().required("consensus") == 0.5
    assert NecessityOptions().required("paper") is None
    assert NecessityOptions(margin=0.0).required("consensus") == 0.0
    assert NecessityOptions(margin=2.0).required("paper") == 2.0
    assert NecessityOptions().required("paper", largest=9.0) is None
    assert NecessityOptions(share=0.0).required("consensus", largest=9.0) == 0.5
