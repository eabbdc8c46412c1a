import tracemalloc

import numpy as np
import pytest

from tests.clustering.builders import similarity_of
from visum_clustering import merging
from visum_clustering.merging import merge_clusters
from visum_clustering.similarity import Similarity
from visum_runtime.errors import Stopped

PAIRS = [np.array([0, 1]), np.array([2, 3])]
IMAGES = np.array([0, 1, 2, 3], np.int32)


def two_pairs(between, within=2.0):
    values = np.full((4, 4), between)
    values[:2, :2] = values[2:, 2:] = within
    return similarity_of(values, values > 0)


def as_lists(clusters):
    return [members.tolist() for members in clusters]


@pytest.mark.parametrize(("between", "expected"), [(1.6, [[0, 1, 2, 3]]), (1.2, [[0, 1], [2, 3]])])
def test_clusters_as_alike_as_their_own_parts_are_merged(between, expected):
    assert as_lists(merge_clusters(PAIRS, two_pairs(between), IMAGES, 0.7)) == expected


def test_the_threshold_itself_merges_and_one_never_does():
    assert len(merge_clusters(PAIRS, two_pairs(1.5), IMAGES, 0.75)) == 1
    assert len(merge_clusters(PAIRS, two_pairs(5.0), IMAGES, 1.0)) == 2


def test_within_is_the_mean_of_both_clusters():
    values = np.full((4, 4), 1.5)
    values[:2, :2], values[2:, 2:] = 3.0, 1.0
    similarity = similarity_of(values)
    assert len(merge_clusters(PAIRS, similarity, IMAGES, 0.75)) == 1
    assert len(merge_clusters(PAIRS, similarity, IMAGES, 0.76)) == 2


def test_missing_pairs_count_as_zero_but_pairs_of_one_image_do_not_count():
    values = np.array([[0, 2, 0, 1.6], [2, 0, 1.6, 0], [0, 1.6, 0, 2], [1.6, 0, 2, 0]])
    similarity = similarity_of(values, values > 0)
    assert len(merge_clusters(PAIRS, similarity, IMAGES, 0.7)) == 2
    assert len(merge_clusters(PAIRS, similarity, np.array([0, 1, 0, 1], np.int32), 0.7)) == 1


def test_single_parts_are_never_merged_and_come_last():
    clusters = [np.array([0]), np.array([1, 2]), np.array([3])]
    merged = merge_clusters(clusters, two_pairs(2.0), IMAGES, 0.5)
    assert as_lists(merged) == [[1, 2], [0], [3]]


def test_merged_clusters_merge_again():
    values = np.full((6, 6), 1.8)
    for pair in range(3):
        values[2 * pair : 2 * pair + 2, 2 * pair : 2 * pair + 2] = 2.0
    clusters = [np.array([0, 1]), np.array([2, 3]), np.array([4, 5])]
    assert as_lists(merge_clusters(clusters, similarity_of(values), np.arange(6, dtype=np.int32), 0.7)) == [
        list(range(6))
    ]


def test_a_merger_can_make_the_next_one_impossible():
    """A and B are one part; C is like A, unlike B, and not enough like the two together."""
    values = np.full((6, 6), 0.1)
    for pair in range(3):
        values[2 * pair : 2 * pair + 2, 2 * pair : 2 * pair + 2] = 2.0
    values[:2, 2:4] = values[2:4, :2] = 1.9
    values[:2, 4:] = values[4:, :2] = 1.6
    clusters = [np.array([0, 1]), np.array([2, 3]), np.array([4, 5])]
    merged = merge_clusters(clusters, similarity_of(values), np.arange(6, dtype=np.int32), 0.7)
    assert as_lists(merged) == [[0, 1, 2, 3], [4, 5]]


def test_of_too_many_clusters_only_the_largest_are_merged(monkeypatch):
    monkeypatch.setattr(merging, "MOST_MERGED", 2)
    values = np.full((8, 8), 2.0)
    clusters = [np.array([0, 1]), np.array([2, 3, 4]), np.array([5, 6, 7])]
    merged = merge_clusters(clusters, similarity_of(values), np.arange(8, dtype=np.int32), 0.7)
    assert as_lists(merged) == [[2, 3, 4, 5, 6, 7], [0, 1]]


def test_many_clusters_take_little_memory():
    """A table of every pair of 20,000 clusters would take three gigabytes."""
    count = 20_000
    rows = np.arange(2 * count)
    similarity = Similarity(np.arange(2 * count + 1), (rows ^ 1).astype(np.int32), np.ones(2 * count))
    clusters = [np.array([2 * number, 2 * number + 1]) for number in range(count)]
    tracemalloc.start()
    try:
        assert len(merge_clusters(clusters, similarity, rows.astype(np.int32), 0.7)) == count
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 300 << 20


def test_it_stops_when_told():
    with pytest.raises(Stopped):
        merge_clusters(PAIRS, two_pairs(1.6), IMAGES, 0.7, should_stop=lambda: True)
