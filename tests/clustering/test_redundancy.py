import numpy as np
import pytest

from tests.clustering.builders import parts_of, similarity_of
from visum_clustering.boxes import overlaps
from visum_clustering.options import ClusteringOptions
from visum_clustering.redundancy import find_redundant, support

BIG, SHIFTED, SMALL, APART = [0, 0, 20, 20], [2, 0, 22, 20], [0, 0, 10, 10], [50, 50, 70, 70]


def unmatched(count):
    return similarity_of(np.zeros((count, count)), np.zeros((count, count), bool))


def matched(count, goodness):
    """Parts 0..count-1 match the last part, each as well as `goodness` says."""
    values = np.zeros((count + 1, count + 1))
    values[:count, count] = values[count, :count] = goodness
    return similarity_of(values, values > 0)


def test_overlap_is_intersection_over_union():
    boxes = np.array([BIG, SHIFTED, SMALL, APART], np.int32)
    np.testing.assert_allclose(overlaps(boxes[:1], boxes), [1, 360 / 440, 0.25, 0])


def test_support_is_the_mean_over_other_images_of_the_best_similarity():
    values = np.array([[0, 3, 5, 2, 0], [3, 0, 0, 0, 0], [5, 0, 0, 0, 0], [2, 0, 0, 0, 0], [0, 0, 0, 0, 0]], float)
    images = np.array([0, 1, 1, 2, 3], np.int32)
    result = support(similarity_of(values, values > 0), images, 4)
    np.testing.assert_allclose(result, [(5 + 2) / 3, 3 / 3, 5 / 3, 2 / 3, 0])


@pytest.mark.parametrize(("goodness", "removed", "kept"), [([2, 1], 1, 0), ([1, 2], 0, 1)])
def test_of_two_that_overlap_the_better_matched_stays(goodness, removed, kept):
    parts = parts_of([0, 0, 1], [BIG, SHIFTED, BIG])
    result = find_redundant(parts, matched(2, goodness), 2, ClusteringOptions())
    assert (result.redundant.tolist(), result.kept.tolist()) == ([removed], [kept])


@pytest.mark.parametrize("second", [SMALL, APART])
def test_a_part_inside_a_larger_one_and_a_part_elsewhere_stay(second):
    result = find_redundant(parts_of([0, 0], [BIG, second]), unmatched(2), 2, ClusteringOptions())
    assert len(result.redundant) == 0


def test_parts_of_different_images_stay():
    result = find_redundant(parts_of([0, 1], [BIG, BIG]), unmatched(2), 2, ClusteringOptions())
    assert len(result.redundant) == 0


def test_area_ratio_counts_below_the_limit_only():
    parts = parts_of([0, 0], [[0, 0, 20, 20], [0, 0, 20, 10]])
    touching = ClusteringOptions(redundancy_iou=0.4, redundancy_area_ratio=2.0)
    above = ClusteringOptions(redundancy_iou=0.4, redundancy_area_ratio=2.1)
    assert len(find_redundant(parts, unmatched(2), 2, touching).redundant) == 0
    assert find_redundant(parts, unmatched(2), 2, above).redundant.tolist() == [1]


def test_any_overlap_counts_at_zero():
    parts = parts_of([0, 0], [[0, 0, 10, 10], [9, 9, 19, 19]])
    assert len(find_redundant(parts, unmatched(2), 2, ClusteringOptions()).redundant) == 0
    assert len(find_redundant(parts, unmatched(2), 2, ClusteringOptions(redundancy_iou=0)).redundant) == 1


def test_ties_go_to_the_larger_part_then_to_the_first():
    larger_last = parts_of([0, 0], [[0, 0, 20, 19], BIG])
    equal = parts_of([0, 0], [BIG, SHIFTED])
    assert find_redundant(larger_last, unmatched(2), 2, ClusteringOptions()).redundant.tolist() == [0]
    assert find_redundant(equal, unmatched(2), 2, ClusteringOptions()).redundant.tolist() == [1]


def test_a_removed_part_removes_nothing():
    """A chain of shifted boxes: the middle one goes for the best, and the last overlaps the middle one only."""
    parts = parts_of([0, 0, 0, 1], [[0, 0, 20, 20], [5, 0, 25, 20], [10, 0, 30, 20], BIG])
    result = find_redundant(parts, matched(3, [3, 2, 1]), 2, ClusteringOptions())
    assert (result.redundant.tolist(), result.kept.tolist()) == ([1], [0])
