"""The best scores of each part: what is kept, and that order does not matter."""

import itertools
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.memory import bytes_held_by
from visum_client.edges import BestScores

SPANS = [slice(0, 3), slice(3, 5), slice(5, 9)]


def blocks(seed: int, levels: int) -> dict[tuple[int, int], np.ndarray]:
    """Scores of each pair of images; few levels make many ties."""
    random = np.random.default_rng(seed)
    sizes = [span.stop - span.start for span in SPANS]
    return {
        (i, j): (random.integers(0, levels, (sizes[i], sizes[j])) / levels).astype(np.float32)
        for i, j in itertools.combinations(range(len(SPANS)), 2)
    }


def edges_of(scores: dict[tuple[int, int], np.ndarray], order: list[tuple[int, int]], kept: int) -> list[tuple]:
    best = BestScores(9, kept)
    for i, j in order:
        best.add(SPANS[i], SPANS[j], scores[i, j])
        best.add(SPANS[j], SPANS[i], scores[i, j].T)
    sources, targets, values = best.edges()
    assert sources.dtype == targets.dtype == np.int32
    assert values.dtype == np.float32
    return list(zip(sources.tolist(), targets.tolist(), values.tolist(), strict=True))


def dense(scores: dict[tuple[int, int], np.ndarray]) -> np.ndarray:
    matrix = np.zeros((9, 9), dtype=np.float32)
    for (i, j), values in scores.items():
        matrix[SPANS[i], SPANS[j]] = values
        matrix[SPANS[j], SPANS[i]] = values.T
    return matrix


def expected_edges(matrix: np.ndarray, kept: int) -> list[tuple]:
    """The plain way: sort each row by score, then by partner."""
    pairs = set()
    for part, row in enumerate(matrix):
        ranked = sorted((-score, partner) for partner, score in enumerate(row) if score > 0)[:kept]
        pairs |= {(min(part, partner), max(part, partner)) for _, partner in ranked}
    return [(source, target, float(matrix[source, target])) for source, target in sorted(pairs)]


@given(st.integers(0, 1000), st.integers(2, 6), st.integers(1, 9), st.permutations([(0, 1), (0, 2), (1, 2)]))
@settings(max_examples=60, deadline=None)
def test_each_part_keeps_its_best_scores_whatever_the_order_of_tiles(seed, levels, kept, order):
    scores = blocks(seed, levels)
    assert edges_of(scores, order, kept) == expected_edges(dense(scores), kept)


def test_a_pair_kept_by_one_of_its_parts_alone_is_an_edge_once():
    best = BestScores(3, kept=1)
    best.add(slice(0, 1), slice(1, 3), np.array([[0.5, 0.9]], dtype=np.float32))
    best.add(slice(1, 3), slice(0, 1), np.array([[0.5], [0.9]], dtype=np.float32))
    assert [array.tolist() for array in best.edges()] == [[0, 0], [1, 2], [0.5, pytest.approx(0.9)]]


@given(st.integers(0, 1000), st.permutations([(0, 1), (0, 2), (1, 2)]))
@settings(max_examples=20, deadline=None)
def test_each_kept_pair_knows_whether_it_was_mirrored_and_its_score_does_not_heed_it(seed, order):
    scores = blocks(seed, 4)
    best = BestScores(9, kept=4)
    for i, j in order:
        mirrored = np.full(scores[i, j].shape, (i, j) == (0, 2))
        best.add(SPANS[i], SPANS[j], scores[i, j], mirrored)
        best.add(SPANS[j], SPANS[i], scores[i, j].T, mirrored.T)
    edges = list(zip(*(array.tolist() for array in best.edges()), strict=True))
    assert edges == edges_of(scores, order, kept=4)
    ways = {(part, other): best.is_mirrored(part, other) for part in range(9) for other in range(9)}
    across = {(source, target) for source, target, _ in edges if source < 3 and target >= 5}
    assert {pair for pair, way in ways.items() if way} == across | {(target, source) for source, target in across}


def test_scores_of_zero_are_no_edges():
    best = BestScores(4)
    best.add(slice(0, 2), slice(2, 4), np.zeros((2, 2), dtype=np.float32))
    assert all(len(array) == 0 for array in best.edges())


def test_no_parts_have_no_edges():
    assert all(len(array) == 0 for array in BestScores(0).edges())


def test_memory_is_that_of_the_kept_scores_whatever_the_pairs() -> None:
    """1.4 million scores come in, 20 for each of 1200 parts stay."""
    random = np.random.default_rng(0)
    tracemalloc.start()
    try:
        best = BestScores(1200, kept=20)
        for row, column in itertools.permutations(range(0, 1200, 100), 2):
            scores = random.random((100, 100), dtype=np.float32)
            best.add(slice(row, row + 100), slice(column, column + 100), scores)
        held = bytes_held_by("*/visum_client/*")
    finally:
        tracemalloc.stop()
    kept_bytes = 1200 * 20 * 8
    assert kept_bytes <= held < 1.02 * kept_bytes
