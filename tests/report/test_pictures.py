"""Parts look as the paper draws them."""

import numpy as np
import pytest
from PIL import Image

from visum_client.report.pictures import (
    GREY_CONTRAST,
    GREY_LIFT,
    Frame,
    close_frame,
    draw_part,
    grey_matrix,
    part_pixels,
    whole_frame,
)

SIDE = 40
BOX = (10, 10, 20, 20)


@pytest.fixture
def view() -> np.ndarray:
    """A green picture."""
    return np.full((SIDE, SIDE, 3), (40, 200, 90), dtype=np.uint8)


@pytest.fixture
def regions() -> np.ndarray:
    """Region 1 on the left, region 2 far right, nothing between."""
    regions = np.zeros((SIDE, SIDE), dtype=np.int32)
    regions[5:30, 5:16] = 1
    regions[5:30, 34:38] = 2
    return regions


def drawn(view: np.ndarray, regions: np.ndarray, region: int = 1, box: tuple[int, int, int, int] = BOX) -> np.ndarray:
    return draw_part(view, regions, box, region, whole_frame(SIDE, SIDE, SIDE)).astype(int)


def test_inside_the_part_is_red(view, regions):
    picture = drawn(view, regions)
    part = picture[12:18, 11:15]
    assert (part[..., 0] > part[..., 1] + 60).all()
    assert (part[..., 0] > part[..., 2] + 60).all()


def test_the_rest_of_the_mask_keeps_its_colour(view, regions):
    picture = drawn(view, regions)
    assert (picture[22:29, 6:15] == view[0, 0]).all()
    assert (picture[6:29, 35:37] == view[0, 0]).all()


def test_outside_the_mask_is_grey(view, regions):
    picture = drawn(view, regions)
    outside = picture[:, 19:31].reshape(-1, 3)
    luminance = 0.299 * 40 + 0.587 * 200 + 0.114 * 90
    assert (outside == outside[:, :1]).all()
    assert abs(outside[0, 0] - (255 * GREY_LIFT + GREY_CONTRAST * luminance)) <= 1


def test_the_box_outside_its_region_is_not_red(view, regions):
    picture = drawn(view, regions)
    beside = picture[12:18, 18:20]
    assert (np.ptp(beside, axis=-1) == 0).all()


def test_the_mask_is_outlined_in_white_from_outside(view, regions):
    picture = drawn(view, regions)
    assert (picture[23:29, 4] == 255).all()
    assert (picture[6:29, 33] == 255).all()


def test_a_dark_line_around_the_part_tells_it_from_what_is_red_by_itself(regions):
    picture = drawn(np.full((SIDE, SIDE, 3), (214, 20, 36), dtype=np.uint8), regions)
    for line in (picture[9, 11:15], picture[20, 11:15], picture[11:19, 16]):
        assert line.max() < 80
    assert picture[22:29, 6:15].max() == picture[6:29, 35:37].max() == 214


def test_a_part_stays_within_its_own_region(regions):
    wide = (0, 10, SIDE, 20)
    assert part_pixels(regions, wide, 1).sum() == 10 * 11
    assert part_pixels(regions, wide, 2).sum() == 10 * 4
    assert part_pixels(regions, wide, 0).sum() == 10 * 15


def test_a_box_beyond_the_view_is_cut_off(regions):
    assert (part_pixels(regions, (-5, -5, 90, 90), 1) == (regions == 1)).all()


def test_enlarging_keeps_what_is_red_and_what_is_grey(view, regions):
    large = draw_part(view, regions, BOX, 1, whole_frame(SIDE, SIDE, 4 * SIDE)).astype(int)
    assert (large[52:68, 46:58, 0] > large[52:68, 46:58, 1] + 60).all()
    assert (np.ptp(large[:, 80:120], axis=-1) == 0).all()


def test_a_close_up_shows_the_part_and_its_region_and_is_square(regions):
    frame = close_frame(regions, BOX, 1, 256)
    x0, y0, x1, y1 = frame.window
    assert max(x0, y0) <= 5
    assert x1 >= 20
    assert y1 >= 30
    assert x1 - x0 == y1 - y0
    assert (frame.width, frame.height) == (256, 256)


@pytest.mark.parametrize("box", [(0, 0, 2, 2), (38, 38, 40, 40), (0, 0, 40, 40), (0, 39, 40, 40)])
def test_a_close_up_stays_within_the_view(box):
    frame = close_frame(np.zeros((SIDE, SIDE), dtype=np.int32), box, 1, 64)
    x0, y0, x1, y1 = frame.window
    assert 0 <= x0 < x1 <= SIDE
    assert 0 <= y0 < y1 <= SIDE


def test_a_long_view_keeps_its_proportions():
    assert whole_frame(50, 100, 200) == Frame((0, 0, 100, 50), 200, 100)


def test_an_empty_frame_is_refused():
    with pytest.raises(ValueError, match="empty frame"):
        Frame((3, 3, 3, 8), 10, 10)


def test_the_page_greys_as_the_pictures_do(view):
    row = np.array([float(value) for value in grey_matrix().split()]).reshape(4, 5)[0]
    by_filter = 255 * (row @ [40 / 255, 200 / 255, 90 / 255, 1, 1])
    by_picture = drawn(view, np.zeros((SIDE, SIDE), dtype=np.int32))[0, 0, 0]
    assert abs(by_filter - by_picture) <= 1


def test_pictures_of_one_pixel_can_be_drawn():
    pixel = np.asarray(Image.new("RGB", (1, 1), (9, 9, 9)))
    picture = draw_part(pixel, np.ones((1, 1), dtype=np.int32), (0, 0, 1, 1), 1, whole_frame(1, 1, 8))
    assert picture.shape == (8, 8, 3)
