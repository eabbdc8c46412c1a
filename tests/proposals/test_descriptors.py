"""Descriptors: dimensions, independence of company, and what they say of real resemblance."""

import numpy as np
import pytest

from tests.support.pictures import noise
from visum_proposals.boxes import as_boxes
from visum_proposals.descriptors import describe_boxes
from visum_proposals.whitening import Whitening


@pytest.fixture(scope="module")
def whitening() -> Whitening:
    return Whitening.load()


def boxes_of(count: int) -> np.ndarray:
    generator = np.random.default_rng(3)
    starts = generator.integers(0, 60, (count, 2))
    return as_boxes(np.hstack([starts, starts + generator.integers(8, 40, (count, 2))]))


def blocks(seed: int) -> np.ndarray:
    return np.kron(noise(10, 10, seed), np.ones((10, 10, 1), np.uint8))


def test_descriptors_are_256_halves_a_box(whitening: Whitening) -> None:
    descriptors = describe_boxes(noise(100, 100), boxes_of(70), whitening)
    assert descriptors.shape == (70, 256)
    assert descriptors.dtype == np.float16
    assert np.isfinite(descriptors).all()


def test_no_box_has_no_descriptor(whitening: Whitening) -> None:
    assert describe_boxes(noise(20, 20), as_boxes([]), whitening).shape == (0, 256)


def test_a_descriptor_does_not_depend_on_the_other_boxes(whitening: Whitening) -> None:
    view, boxes = noise(100, 100), boxes_of(150)
    together = describe_boxes(view, boxes, whitening)
    chosen = np.array([149, 3, 64, 63])
    np.testing.assert_array_equal(describe_boxes(view, boxes[chosen], whitening), together[chosen])
    np.testing.assert_array_equal(describe_boxes(view, boxes[77:78], whitening), together[77:78])


def test_a_box_that_moves_with_the_picture_keeps_its_descriptor(whitening: Whitening) -> None:
    ground = np.full((120, 120, 3), 90, np.uint8)
    views = []
    for x, y in ((20, 20), (27, 41)):
        view = ground.copy()
        view[y : y + 60, x : x + 60] = blocks(0)[:60, :60]
        views.append(describe_boxes(view, as_boxes([[x, y, x + 60, y + 60]]), whitening))
    np.testing.assert_array_equal(views[0], views[1])


def test_a_picture_resembles_its_half_size_more_than_any_other(whitening: Whitening) -> None:
    large = [np.kron(blocks(seed), np.ones((2, 2, 1), np.uint8)) for seed in range(6)]
    whole = [describe_boxes(view, as_boxes([[0, 0, 200, 200]]), whitening)[0] for view in large]
    half = [describe_boxes(blocks(seed), as_boxes([[0, 0, 100, 100]]), whitening)[0] for seed in range(6)]
    similarities = np.array(half, dtype=np.float32) @ np.array(whole, dtype=np.float32).T
    np.testing.assert_array_equal(similarities.argmax(axis=1), np.arange(6))


def mirrored(boxes: np.ndarray, width: int) -> np.ndarray:
    return as_boxes(np.column_stack([width - boxes[:, 2], boxes[:, 1], width - boxes[:, 0], boxes[:, 3]]))


def test_in_a_mirrored_view_descriptors_only_change_signs(whitening: Whitening) -> None:
    view, boxes = blocks(4), boxes_of(70)
    expected = describe_boxes(view, boxes, whitening) * whitening.parities
    turned = np.ascontiguousarray(view[:, ::-1])
    found = describe_boxes(turned, mirrored(boxes, 100), whitening).astype(np.float32)
    cosines = (found * expected).sum(axis=1) / np.linalg.norm(found, axis=1) / np.linalg.norm(expected, axis=1)
    assert cosines.min() > 0.95
    assert cosines.mean() > 0.99
