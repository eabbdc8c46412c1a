"""Crops: resampling, padding and border."""

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from tests.support.pictures import noise
from visum_proposals.boxes import as_boxes
from visum_proposals.crops import CROP_SIDE_PX, crop_boxes

ROUNDING = 1.0


def crop_of(view: NDArray[np.uint8], *box: int) -> NDArray[np.float32]:
    (crop,) = crop_boxes(view, as_boxes([box]))
    return crop


def resized_by_pillow(view: NDArray[np.uint8], box: tuple[int, int, int, int]) -> NDArray[np.float64]:
    """The padded box, resized by an independent implementation of the same filter, on bytes."""
    x0, y0, x1, y1 = box
    margin = max(view.shape)
    pad_x, pad_y = (x1 - x0) / 8, (y1 - y0) / 8
    replicated = Image.fromarray(np.pad(view, ((margin, margin), (margin, margin), (0, 0)), "edge"))
    padded = (x0 - pad_x + margin, y0 - pad_y + margin, x1 + pad_x + margin, y1 + pad_y + margin)
    side = (CROP_SIDE_PX, CROP_SIDE_PX)
    return np.asarray(replicated.resize(side, Image.Resampling.BILINEAR, box=padded)).astype(float).transpose(2, 0, 1)


@pytest.mark.parametrize(
    "box",
    [(0, 0, 120, 100), (30, 20, 94, 84), (5, 7, 6, 8), (0, 0, 1, 100), (110, 60, 120, 100), (3, 50, 118, 53)],
)
def test_equals_an_independent_resampling(box: tuple[int, int, int, int]) -> None:
    view = noise(100, 120)
    np.testing.assert_allclose(crop_of(view, *box), resized_by_pillow(view, box), atol=ROUNDING)


def test_a_flat_view_stays_flat() -> None:
    view = np.full((40, 30, 3), (10, 200, 77), dtype=np.uint8)
    crop = crop_of(view, 0, 5, 30, 40)
    for plane, level in zip(crop, (10, 200, 77), strict=True):
        np.testing.assert_allclose(plane, level, rtol=1e-5)


def test_a_box_of_64_pixels_is_the_view_itself_with_8_pixels_around_it() -> None:
    view = noise(120, 120)
    np.testing.assert_array_equal(crop_of(view, 20, 30, 84, 94), view[22:102, 12:92].transpose(2, 0, 1))


def test_a_crop_does_not_depend_on_its_company() -> None:
    view = noise(60, 60)
    boxes = as_boxes([[0, 0, 60, 60], [5, 5, 20, 40], [10, 3, 12, 5]])
    np.testing.assert_array_equal(crop_boxes(view, boxes)[1:2], crop_boxes(view, boxes[1:2]))


def test_a_view_of_one_pixel_can_be_cropped() -> None:
    np.testing.assert_allclose(crop_of(np.full((1, 1, 3), 99, np.uint8), 0, 0, 1, 1), 99, rtol=1e-5)
