"""The consensus of clusterings finds the groups that are there."""

import numpy as np
import pytest
from numpy.typing import NDArray

from visum_clustering.consensus import agreement_shares, find_groups
from visum_clustering.feature_sets import FeatureSet, item_distances
from visum_runtime.errors import InvalidInput, Stopped

WIDTH = 12


def groups_of(count: int, size: int, spread: float = 0.05, seed: int = 0) -> NDArray[np.float64]:
    """`count` well separated groups of `size` items, one after the other."""
    generator = np.random.default_rng(seed)
    centres = generator.normal(size=(count, WIDTH))
    return np.repeat(centres, size, axis=0) + spread * generator.normal(size=(count * size, WIDTH))


def partition(labels: NDArray[np.int64]) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(labels == label).tolist()) for label in np.unique(labels)}


def truth(count: int, size: int) -> set[frozenset[int]]:
    return partition(np.repeat(np.arange(count), size))


def same(rows: NDArray[np.float64]) -> FeatureSet:
    return FeatureSet(rows, rows)


@pytest.mark.parametrize("count", [8, 12])
def test_separate_groups_are_found(count):
    labels, shares = find_groups([same(groups_of(count, 10, seed=seed)) for seed in range(3)])
    assert partition(labels) == truth(count, 10)
    assert shares.max() <= 1


def test_groups_do_not_depend_on_the_order_of_items():
    rows = groups_of(8, 10)
    order = np.random.default_rng(3).permutation(len(rows))
    shuffled, _ = find_groups([same(rows[order])])
    restored = np.empty_like(shuffled)
    restored[order] = shuffled
    assert partition(restored) == partition(find_groups([same(rows)])[0])


def test_an_item_and_its_mirror_image_are_one_thing():
    left, right = groups_of(2, 1)
    plain, mirrored = np.array([left, right, left]), np.array([right, left, right])
    distances = item_distances([FeatureSet(plain, mirrored)])
    assert np.allclose(distances, 0, atol=1e-6)
    assert item_distances([same(plain)])[0, 1] > 1


def test_distances_do_not_depend_on_the_scale_of_a_feature():
    rows = groups_of(4, 5)
    scaled = rows * np.geomspace(1e-2, 1e2, WIDTH)
    np.testing.assert_allclose(item_distances([same(scaled)]), item_distances([same(rows)]), atol=1e-3)


def test_kinds_taken_together_are_one_kind_of_all_their_features():
    first, second = groups_of(3, 4, spread=0.5), np.tile(groups_of(3, 4, spread=0.5, seed=1), 2)
    joined = item_distances([same(np.hstack([first, second]))])
    np.testing.assert_allclose(item_distances([same(first), same(second)]), joined, atol=1e-6)
    assert np.abs(joined - item_distances([same(first)])).max() > 0.1


@pytest.mark.parametrize("width", [5, 300])
def test_distances_are_those_of_the_singular_value_decomposition(width):
    generator = np.random.default_rng(0)
    plain, mirrored = generator.normal(size=(2, 90, width)) @ np.diag(generator.uniform(0.1, 3, width))
    mean, deviation = plain.mean(axis=0), plain.std(axis=0)
    _, _, axes = np.linalg.svd((plain - mean) / deviation, full_matrices=False)
    rows, turned = (((side - mean) / deviation) @ axes[:8].T for side in (plain, mirrored))
    rows, turned = (side / np.linalg.norm(side, axis=1, keepdims=True) for side in (rows, turned))
    expected = 1 - np.maximum(rows @ rows.T, np.maximum(rows @ turned.T, turned @ rows.T))
    np.testing.assert_allclose(item_distances([FeatureSet(plain, mirrored)], 8), expected, atol=1e-4)


def test_the_agreement_of_labelings_is_the_share_that_agrees():
    shares = agreement_shares([np.array([0, 0, 1]), np.array([5, 5, 5]), np.array([-1, -1, 2])])
    np.testing.assert_allclose(shares, [[2 / 3, 2 / 3, 1 / 3], [2 / 3, 2 / 3, 1 / 3], [1 / 3, 1 / 3, 1]])


@pytest.mark.parametrize("count", [2, 3, 4])
def test_few_items_are_grouped_too(count):
    labels, _ = find_groups([same(groups_of(count, 1))])
    assert len(labels) == count


@pytest.mark.parametrize(
    ("plain", "mirrored"), [(np.zeros((3, 2)), np.zeros((3, 4))), (np.full((2, 2), np.nan), np.zeros((2, 2)))]
)
def test_features_that_are_none_are_refused(plain, mirrored):
    with pytest.raises(InvalidInput, match="features"):
        FeatureSet(plain, mirrored)


def test_it_tells_how_far_it_is_and_stops_before_the_next_clustering():
    kinds = [same(groups_of(4, 5, seed=seed)) for seed in range(2)]
    told = []
    find_groups(kinds, progress=lambda done, total: told.append((done, total)))
    assert told == [(0, 3), (1, 3), (2, 3), (3, 3)]
    told.clear()
    with pytest.raises(Stopped):
        find_groups(kinds, progress=lambda done, total: told.append(done), should_stop=lambda: told == [0, 1])
    assert told == [0, 1]
