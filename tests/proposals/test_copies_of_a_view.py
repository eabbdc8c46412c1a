"""From pixels to matches: a shifted, scaled or mirrored copy of a view matches itself box for box."""

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.proposals.test_selective_search import patchwork
from visum_proposals.boxes import Boxes, as_boxes
from visum_proposals.described_image import DescribedImage, PreparedImage
from visum_proposals.descriptors import describe_boxes
from visum_proposals.proposal_flow import Match, MatchOptions, match_pair
from visum_proposals.whitening import Whitening

SIDE = 224
PICTURE_SIDE = 120
BOXES = 20
WHITENING = Whitening.load()


def boxes_inside(seed: int) -> Boxes:
    """Boxes well inside the picture, with coordinates that are multiples of 4."""
    generator = np.random.default_rng(seed)
    starts = generator.integers(1, 17, (4 * BOXES, 2)) * 4
    boxes = np.hstack([starts, starts + generator.integers(7, 12, (4 * BOXES, 2)) * 4])
    distinct = np.unique(boxes[boxes.max(axis=1) <= PICTURE_SIDE - 8], axis=0)
    return as_boxes(generator.permutation(distinct)[:BOXES])


def placed(picture: NDArray[np.uint8], x: int, y: int) -> NDArray[np.uint8]:
    """The picture on a flat ground."""
    view = np.full((SIDE, SIDE, 3), 128, dtype=np.uint8)
    view[y : y + picture.shape[0], x : x + picture.shape[1]] = picture
    return view


def described(view: NDArray[np.uint8], boxes: Boxes) -> PreparedImage:
    survivors = np.arange(len(boxes), dtype=np.int32)
    return PreparedImage.of(DescribedImage(boxes, describe_boxes(view, boxes, WHITENING), survivors, SIDE))


def assert_box_for_box(match: Match) -> None:
    count = len(match.scores)
    assert count == BOXES
    np.testing.assert_array_equal(match.scores.argmax(axis=1), np.arange(count))
    np.testing.assert_array_equal(match.scores.argmax(axis=0), np.arange(count))


@pytest.mark.parametrize(("scale", "shift"), [(1.0, (60, 20)), (1.25, (17, 40))])
def test_a_shifted_and_scaled_copy_matches_box_for_box(scale: float, shift: tuple[int, int]) -> None:
    picture, boxes = patchwork(PICTURE_SIDE, seed=6), boxes_inside(0)
    side = round(PICTURE_SIDE * scale)
    copy = cv2.resize(picture, (side, side), interpolation=cv2.INTER_CUBIC)
    moved = as_boxes(np.round(boxes * scale) + np.tile(shift, 2))
    first = described(placed(picture, 0, 0), boxes)
    assert_box_for_box(match_pair(first, described(placed(copy, *shift), moved), MatchOptions()))


def test_a_mirrored_copy_matches_box_for_box_and_is_told() -> None:
    boxes = boxes_inside(1)
    view = placed(patchwork(PICTURE_SIDE, seed=7), 30, 30)
    boxes = as_boxes(boxes + 30)
    turned = as_boxes(np.column_stack([SIDE - boxes[:, 2], boxes[:, 1], SIDE - boxes[:, 0], boxes[:, 3]]))
    copy = described(np.ascontiguousarray(view[:, ::-1]), turned)
    match = match_pair(described(view, boxes), copy, MatchOptions(), WHITENING.parities)
    assert match.mirrored
    assert_box_for_box(match)
