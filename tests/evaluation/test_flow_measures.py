"""The measures of Proposal Flow on cases whose answers are known."""

from collections.abc import Callable

import numpy as np
import pytest

from visum_evaluation.flow.key_points import carry_key_points
from visum_evaluation.flow.measures import correct_key_points, miou_area, pcr_area
from visum_evaluation.flow.thin_plate_spline import warp
from visum_evaluation.flow.true_boxes import overlaps

SCATTERED = np.random.default_rng(0).uniform(0, 200, (10, 2))
ELSEWHERE = np.random.default_rng(1).uniform(0, 200, (7, 2))


@pytest.mark.parametrize(("overlap", "area"), [(1.0, 1.0), (0.0, 0.005), (0.5, 0.505)])
def test_the_area_is_the_mean_overlap_up_to_half_a_bin(overlap: float, area: float) -> None:
    assert pcr_area(np.full(4, overlap)) == pytest.approx(area, abs=1e-9)


def test_the_area_of_mixed_overlaps_is_the_mean_of_their_areas() -> None:
    values = np.random.default_rng(2).random(50)
    assert pcr_area(values) == pytest.approx(np.mean([pcr_area(value[None]) for value in values]))
    assert pcr_area(values) == pytest.approx(values.mean(), abs=0.005)


def test_the_best_scored_matches_count_first() -> None:
    good, bad = np.ones(10), np.zeros(10)
    assert miou_area([np.concatenate([good, bad])]) > miou_area([np.concatenate([bad, good])])
    assert miou_area([good]) == 1
    assert miou_area([np.array([1.0, 0.0, 0.5])]) == pytest.approx((1 + 0.5) / 2 / 2 + (0.5 + 0.5) / 2 / 2)


def test_key_points_are_held_against_the_longer_side_of_their_box() -> None:
    true = np.array([[0.0, 0.0], [100, 50], [50, 20]])
    found = true + np.array([[4.9, 0], [0, 9.9], [14.9, 0]])
    np.testing.assert_allclose(correct_key_points(found, true), [1 / 3, 2 / 3, 1])


@pytest.mark.parametrize(
    "move",
    [lambda points: points + 7, lambda points: points * 1.5, lambda points: points @ [[0.9, 0.2], [-0.1, 1.3]]],
)
def test_a_thin_plate_spline_of_an_affine_map_is_that_map(move: Callable[[np.ndarray], np.ndarray]) -> None:
    np.testing.assert_allclose(warp(ELSEWHERE, SCATTERED, move(SCATTERED)), move(ELSEWHERE), atol=1e-6)


def test_a_thin_plate_spline_takes_its_points_to_their_targets() -> None:
    target = SCATTERED + np.random.default_rng(3).normal(0, 10, SCATTERED.shape)
    np.testing.assert_allclose(warp(SCATTERED, SCATTERED, target), target, atol=1e-6)


def test_intersection_over_union() -> None:
    boxes = np.array([[0.0, 0, 10, 10]])
    others = np.array([[0.0, 0, 10, 10], [5, 0, 15, 10], [10, 10, 20, 20]])
    np.testing.assert_allclose(overlaps(boxes, others), [[1, 1 / 3, 0]])


def test_a_key_point_keeps_its_relative_place_in_its_box() -> None:
    boxes, matches = np.array([[0.0, 0, 100, 100]]), np.array([[50.0, 60, 100, 160]])
    points = np.array([[20.0, 50], [150, 150]])
    np.testing.assert_allclose(carry_key_points(points, boxes, matches, np.ones(1)), [[60, 110], [150, 150]])
    turned = carry_key_points(points, boxes, matches, np.ones(1), mirrored=True)
    np.testing.assert_allclose(turned, [[90, 110], [150, 150]])


def test_boxes_count_by_the_squares_of_their_scores_per_area_and_not_without_a_match() -> None:
    boxes = np.array([[0.0, 0, 10, 10], [0, 0, 20, 10], [0, 0, 10, 10]])
    matches = boxes + np.array([[10.0], [20], [90]])
    carried = carry_key_points(np.array([[5.0, 5]]), boxes, matches, np.array([2.0, 2, 0]))
    np.testing.assert_allclose(carried, [[5 + (4 * 10 + 20) / 5] * 2])
