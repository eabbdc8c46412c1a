"""Rotated views: what is guessed of descriptors, and that a rotated copy is told."""

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.proposals.test_copies_of_a_view import (
    SIDE,
    WHITENING,
    assert_box_for_box,
    boxes_inside,
    described,
    placed,
)
from tests.proposals.test_selective_search import patchwork
from visum_proposals.boxes import Boxes, as_boxes
from visum_proposals.descriptors import describe_boxes
from visum_proposals.estimate_rotation import estimate_rotation, main
from visum_proposals.proposal_flow import MatchOptions, match_pair
from visum_proposals.rotation import Rotation

ROTATION = Rotation.load(WHITENING.parities)


def scene(seed: int) -> tuple[NDArray[np.uint8], Boxes]:
    """A patchwork on flat ground, and boxes inside it."""
    return placed(patchwork(120, seed), 52, 52), as_boxes(boxes_inside(seed) + 52)


def rotated(view: NDArray[np.uint8], boxes: Boxes, degrees: float) -> tuple[NDArray[np.uint8], Boxes]:
    """The view rotated counterclockwise about its middle, and upright boxes of the same sizes about the same things."""
    turn = cv2.getRotationMatrix2D(((SIDE - 1) / 2, (SIDE - 1) / 2), degrees, 1)
    turned = cv2.warpAffine(view, turn, (SIDE, SIDE), borderMode=cv2.BORDER_REPLICATE)
    middles = (boxes[:, :2] + boxes[:, 2:] - SIDE) / 2 @ turn[:, :2].T + SIDE / 2
    halves = (boxes[:, 2:] - boxes[:, :2]) / 2
    return turned, as_boxes(np.round(np.hstack([middles - halves, middles + halves])))


def mirrored(view: NDArray[np.uint8], boxes: Boxes) -> tuple[NDArray[np.uint8], Boxes]:
    columns = [SIDE - boxes[:, 2], boxes[:, 1], SIDE - boxes[:, 0], boxes[:, 3]]
    return np.ascontiguousarray(view[:, ::-1]), as_boxes(np.column_stack(columns))


@pytest.mark.parametrize("degrees", [15, -15])
def test_the_guess_is_nearer_to_the_descriptors_of_a_rotated_view(degrees: int) -> None:
    for seed in range(3):
        view, boxes = scene(seed)
        own = describe_boxes(view, boxes, WHITENING).astype(np.float32)
        true = describe_boxes(*rotated(view, boxes, degrees), WHITENING).astype(np.float32)
        assert np.linalg.norm(ROTATION.apply(own, degrees) - true) < 0.8 * np.linalg.norm(own - true)


@pytest.mark.parametrize("degrees", [15, -15])
@pytest.mark.parametrize("with_mirror", [False, True])
def test_a_rotated_copy_matches_box_for_box_and_better_and_is_told(degrees: int, with_mirror: bool) -> None:
    parities = WHITENING.parities if with_mirror else None
    for seed in range(3):
        view, boxes = scene(seed)
        first = described(view, boxes)
        copy = described(*rotated(*(mirrored(view, boxes) if with_mirror else (view, boxes)), degrees))
        match = match_pair(first, copy, MatchOptions(), parities, ROTATION)
        assert (match.rotation_degrees, match.mirrored) == (-degrees, with_mirror)
        assert_box_for_box(match)
        assert np.trace(match.scores) > 1.5 * np.trace(match_pair(first, copy, MatchOptions(), parities).scores)


def test_an_upright_copy_matches_as_without_rotations() -> None:
    image = described(*scene(4))
    match = match_pair(image, image, MatchOptions(), rotation=ROTATION)
    assert match.rotation_degrees == 0
    np.testing.assert_array_equal(match.scores, match_pair(image, image, MatchOptions()).scores)


def test_rotating_clockwise_is_rotating_the_mirror_image() -> None:
    values = np.random.default_rng(0).normal(size=(5, 256)).astype(np.float32)
    expected = ROTATION.apply(values * WHITENING.parities, 15) * WHITENING.parities
    np.testing.assert_array_equal(ROTATION.apply(values, -15), expected)


@pytest.mark.parametrize(
    ("matrix", "message"), [(np.zeros((3, 2), np.float32), "fit"), (np.full((2, 2), np.nan, np.float32), "finite")]
)
def test_a_wrong_matrix_is_refused(matrix: NDArray[np.float32], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Rotation(matrix, np.ones(2, np.float32))


def test_the_script_writes_a_matrix_that_guesses_its_own_samples(tmp_path: Path) -> None:
    picture = tmp_path / "picture.png"
    cv2.imwrite(str(picture), patchwork(256, seed=9))
    main([str(picture), "--boxes", "40", "--out", str(tmp_path / "out.npy")])
    estimated = Rotation(np.load(tmp_path / "out.npy").astype(np.float32), WHITENING.parities)
    view, boxes = scene(9)
    own = describe_boxes(view, boxes, WHITENING).astype(np.float32)
    true = describe_boxes(*rotated(view, boxes, 15), WHITENING).astype(np.float32)
    assert np.linalg.norm(estimated.apply(own, 15) - true) < np.linalg.norm(own - true)


def test_no_photograph_is_refused() -> None:
    with pytest.raises(ValueError, match="no photographs"):
        estimate_rotation([], 5, WHITENING)
