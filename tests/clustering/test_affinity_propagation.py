import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.cluster import AffinityPropagation

from tests.clustering.builders import FORBIDDEN, similarity_of
from visum_clustering.affinity_propagation import (
    RETRY_DAMPING,
    STABLE_ITERATIONS,
    central_part,
    preference_of,
    propagate_affinity,
)
from visum_runtime.errors import Stopped


def blocks(sizes, within=1.0):
    """Parts of a block are alike, parts of different blocks have no similarity stored."""
    labels = np.repeat(np.arange(len(sizes)), sizes)
    stored = labels[:, None] == labels
    return similarity_of(np.full(stored.shape, within), stored), labels


def clustered(count, groups, seed, images=1):
    """Similarities of points around `groups` centres; points of one image are forbidden where there are several."""
    generator = np.random.default_rng(seed)
    centres = 4 * generator.normal(size=(groups, 3))
    points = centres[generator.integers(groups, size=count)] + generator.normal(size=(count, 3))
    values = 10 / (1 + np.linalg.norm(points[:, None] - points, axis=2))
    of_image = generator.integers(images, size=count)
    stored = (of_image[:, None] != of_image) if images > 1 else np.ones((count, count), bool)
    return values, stored & ~np.eye(count, dtype=bool)


def partition(labels):
    return {frozenset(np.flatnonzero(labels == label)) for label in np.unique(labels)}


def scikit_learn(values, stored, preference, damping):
    model = AffinityPropagation(
        affinity="precomputed",
        preference=preference,
        damping=damping,
        max_iter=1000,
        convergence_iter=STABLE_ITERATIONS,
        random_state=0,
    )
    return model.fit(np.where(stored, values, FORBIDDEN))


@pytest.mark.parametrize("sizes", [[1], [2], [5, 5], [1, 2, 3], [1, 1, 3], [10, 20, 3, 1], [40]])
def test_separate_blocks_are_the_clusters(sizes):
    similarity, labels = blocks(sizes)
    result = propagate_affinity(similarity, preference_of(similarity, 5.0))
    assert result.converged
    assert partition(result.exemplars) == partition(labels)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("images", [1, 12])
def test_clusters_are_those_of_scikit_learn(seed, images):
    values, stored = clustered(60 + 10 * seed, 3 + seed % 5, seed, images)
    similarity = similarity_of(values, stored)
    for factor in (1.0, 5.0):
        preference = preference_of(similarity, factor)
        ours = propagate_affinity(similarity, preference)
        theirs = scikit_learn(values, stored, preference, ours.damping)
        assert ours.converged
        assert len(partition(theirs.labels_)) > 1
        assert partition(ours.exemplars) == partition(theirs.labels_)


@pytest.mark.long
def test_clusters_are_those_of_scikit_learn_for_two_thousand_parts():
    values, stored = clustered(2000, 30, 0, 100)
    similarity = similarity_of(values, stored)
    preference = preference_of(similarity, 5.0)
    ours = propagate_affinity(similarity, preference)
    assert partition(ours.exemplars) == partition(scikit_learn(values, stored, preference, ours.damping).labels_)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 25), st.floats(0, 1), st.integers(0, 10_000))
def test_a_part_and_its_exemplar_have_a_stored_similarity(count, density, seed):
    generator = np.random.default_rng(seed)
    values = generator.random((count, count)) * 3
    stored = np.triu(generator.random((count, count)) < density, 1)
    similarity = similarity_of(np.maximum(values, values.T), stored | stored.T)
    exemplars = propagate_affinity(similarity, preference_of(similarity, 5.0), max_iterations=200).exemplars
    own = exemplars == np.arange(count)
    assert (own | (stored | stored.T)[np.arange(count), exemplars]).all()
    assert own[exemplars].all()


def test_no_score_is_not_zero():
    """A similarity of zero beats the negative preference and pulls the part in; no similarity leaves it alone."""
    similarity, _ = blocks([6, 1], within=2.0)
    values = np.full((7, 7), 2.0)
    values[6] = values[:, 6] = 0.0
    preference = preference_of(similarity, 5.0)
    assert propagate_affinity(similarity, preference).exemplars[6] == 6
    assert propagate_affinity(similarity_of(values), preference).exemplars[6] != 6


def test_a_lower_preference_gives_fewer_clusters():
    values, stored = clustered(100, 6, 3)
    similarity = similarity_of(values, stored)
    counts = [
        len(partition(propagate_affinity(similarity, preference_of(similarity, c)).exemplars)) for c in (0.2, 2, 20)
    ]
    assert counts[0] > counts[1] > counts[2]


def test_preference_is_minus_the_factor_times_the_median_positive_similarity():
    values = np.array([[0, 0, 2], [0, 0, 6], [2, 6, 0]], float)
    assert preference_of(similarity_of(values), 5.0) == -5.0 * 4
    assert preference_of(similarity_of(np.zeros((3, 3))), 5.0) == -5.0


def test_too_few_iterations_are_reported_after_a_second_try():
    similarity, _ = blocks([5, 5])
    result = propagate_affinity(similarity, -5.0, damping=0.9, max_iterations=60)
    assert (result.converged, result.iterations, result.damping) == (False, 120, RETRY_DAMPING)


def test_there_is_no_second_try_where_the_damping_is_as_high():
    similarity, _ = blocks([5, 5])
    result = propagate_affinity(similarity, -5.0, damping=0.97, max_iterations=60)
    assert (result.converged, result.iterations, result.damping) == (False, 60, 0.97)


def test_messages_that_oscillate_settle_at_the_second_try():
    generator = np.random.default_rng(1)
    values = generator.random((30, 30)) * 3
    stored = np.triu(generator.random((30, 30)) < 0.2, 1)
    similarity = similarity_of(np.maximum(values, values.T), stored | stored.T)
    result = propagate_affinity(similarity, preference_of(similarity, 3.0), damping=0.9)
    assert result.converged
    assert result.damping == RETRY_DAMPING
    assert result.iterations > 1000


def test_exemplars_that_stand_still_too_early_do_not_count():
    values, stored = clustered(100, 6, 3)
    similarity = similarity_of(values, stored)
    result = propagate_affinity(similarity, preference_of(similarity, 5.0))
    assert result.converged
    assert result.iterations >= STABLE_ITERATIONS


def test_it_stops_when_told_and_tells_how_far_it_is():
    similarity, _ = blocks([5, 5])
    calls = itertools.count()
    told = []
    with pytest.raises(Stopped):
        propagate_affinity(
            similarity,
            -5.0,
            progress=lambda done, total: told.append((done, total)),
            should_stop=lambda: next(calls) == 3,
        )
    assert told == [(1, 1000), (2, 1000), (3, 1000)]


def test_the_central_part_has_most_neighbours_then_the_highest_sum():
    values = np.array([[0, 9, 0, 0], [9, 0, 1, 1], [0, 1, 0, 2], [0, 1, 2, 0]], float)
    similarity = similarity_of(values, values > 0)
    assert central_part(similarity, np.array([0, 1, 2, 3])) == 1
    assert central_part(similarity, np.array([0, 2, 3])) == 2
    assert central_part(similarity_of(values), np.array([0, 1, 2])) == 1


def test_similarities_are_left_as_they_were():
    similarity, _ = blocks([4, 3])
    before = similarity.values.copy()
    propagate_affinity(similarity, -5.0)
    np.testing.assert_array_equal(similarity.values, before)
