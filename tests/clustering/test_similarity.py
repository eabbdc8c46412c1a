import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.clustering.builders import edges_of, similarity_of
from visum_clustering.parts import Edges
from visum_clustering.similarity import Similarity, largest_per_key, log_similarities
from visum_runtime.errors import InvalidInput


def dense(similarity: Similarity) -> np.ndarray:
    values = np.full((len(similarity), len(similarity)), np.nan)
    values[similarity.rows(), similarity.neighbours] = similarity.values
    return values


def test_similarities_are_logarithms_over_the_five_percent_quantile():
    scores = np.geomspace(0.001, 1, 21)
    similarity = log_similarities(edges_of([(0, i + 1, score) for i, score in enumerate(scores)]), 22)
    floor = scores[1]
    _, values = similarity.row(0)
    np.testing.assert_allclose(values, np.log(np.maximum(scores, floor) / floor), rtol=1e-6)
    assert values[0] == values[1] == 0
    assert values[-1] == pytest.approx(np.log(1 / floor))


def test_the_larger_of_two_directions_counts():
    similarity = log_similarities(edges_of([(0, 1, 0.2), (1, 0, 0.8), (1, 2, 0.1), (1, 2, 0.4), (0, 2, 0.1)]), 3)
    once = log_similarities(edges_of([(0, 1, 0.8), (2, 1, 0.4), (0, 2, 0.1)]), 3)
    np.testing.assert_array_equal(dense(similarity), dense(once))


def test_a_pair_without_a_score_is_not_stored():
    similarity = log_similarities(edges_of([(0, 1, 0.5), (1, 2, 1.0)]), 4)
    assert [list(similarity.row(part)[0]) for part in range(4)] == [[1], [0, 2], [1], []]


def test_no_edges_at_all():
    similarity = log_similarities(edges_of([]), 3)
    assert len(similarity) == 3
    assert len(similarity.values) == 0


def test_restriction_renumbers_and_keeps_values():
    values = np.array([[0, 1, 2, 3], [1, 0, 4, 5], [2, 4, 0, 6], [3, 5, 6, 0]], float)
    restricted = similarity_of(values).restrict(np.array([0, 2, 3]))
    np.testing.assert_array_equal(np.nan_to_num(dense(restricted)), values[np.ix_([0, 2, 3], [0, 2, 3])])


@given(
    st.lists(
        st.tuples(st.integers(0, 6), st.integers(0, 6), st.sampled_from([0.001, 0.01, 0.1, 0.3, 0.5, 1.0])).filter(
            lambda e: e[0] != e[1]
        ),
        min_size=1,
        max_size=40,
    ),
    st.randoms(use_true_random=False),
)
def test_neither_order_nor_direction_of_edges_matters(edges, random):
    turned = [(b, a, score) if random.random() < 0.5 else (a, b, score) for a, b, score in edges]
    random.shuffle(turned)
    expected, actual = log_similarities(edges_of(edges), 7), log_similarities(edges_of(turned), 7)
    np.testing.assert_array_equal(dense(actual), dense(expected))
    np.testing.assert_array_equal(dense(actual), dense(actual).T)


def test_largest_per_key():
    keys, values = largest_per_key(np.array([5, 2, 5, -1]), np.array([1.0, 2.0, 3.0, -4.0]))
    assert keys.tolist() == [-1, 2, 5]
    assert values.tolist() == [-4.0, 2.0, 3.0]


@pytest.mark.parametrize("score", [0.0, -1.0, np.nan, np.inf])
def test_a_score_must_be_positive_and_finite(score):
    with pytest.raises(InvalidInput, match="edge 1") as caught:
        edges_of([(0, 1, 1.0), (0, 1, score)])
    assert caught.value.field == "edges.scores"


@pytest.mark.parametrize(
    ("edge", "field"), [((-1, 1), "edges.sources"), ((0, 3), "edges.targets"), ((0, 1), "edges.targets")]
)
def test_edges_join_existing_parts_of_different_images(edge, field):
    with pytest.raises(InvalidInput) as caught:
        edges_of([(*edge, 1.0)]).check(np.array([0, 0, 1], np.int32))
    assert caught.value.field == field


def test_edges_of_unequal_length_are_refused():
    with pytest.raises(InvalidInput) as caught:
        Edges(np.zeros(2, np.int32), np.zeros(3, np.int32), np.ones(2, np.float32))
    assert caught.value.field == "edges.targets"
