"""Outlines run along the borders of masks."""

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageChops, ImageDraw

from visum_client.report.outlines import TOLERANCE_VIEW_PIXELS, outline_path

SCALE = 8


def loops(path: str) -> list[np.ndarray]:
    """The corner points of each loop, view pixels."""
    found = []
    for loop in re.findall(r"M[^M]*z", path):
        numbers = [float(value) for value in re.findall(r"-?[\d.]+", loop)]
        found.append(np.cumsum(np.reshape(numbers, (-1, 2)), axis=0))
    return found


def filled(path: str, shape: tuple[int, int]) -> np.ndarray:
    """What the path covers under the even-odd rule, SCALE times enlarged."""
    covered = Image.new("1", (shape[1] * SCALE, shape[0] * SCALE))
    for loop in loops(path):
        inside = Image.new("1", covered.size)
        ImageDraw.Draw(inside).polygon([tuple(point * SCALE) for point in loop], fill=1)
        covered = ImageChops.logical_xor(covered, inside)
    return np.asarray(covered)


def disc(side: int, radius: float) -> np.ndarray:
    y, x = np.indices((side, side)) - (side - 1) / 2
    return x**2 + y**2 < radius**2


def test_an_empty_mask_has_no_outline():
    assert outline_path(np.zeros((5, 5), dtype=bool)) == ""


def test_a_rectangle_has_few_corners():
    mask = np.zeros((20, 30), dtype=bool)
    mask[4:12, 6:21] = True
    (loop,) = loops(outline_path(mask))
    assert len(loop) <= 8
    assert loop.min(axis=0) == pytest.approx([6, 4], abs=TOLERANCE_VIEW_PIXELS)
    assert loop.max(axis=0) == pytest.approx([21, 12], abs=TOLERANCE_VIEW_PIXELS)


def test_a_hole_stays_open():
    mask = disc(40, 16) & ~disc(40, 7)
    path = outline_path(mask)
    assert len(loops(path)) == 2
    covered = filled(path, mask.shape)
    assert not covered[20 * SCALE, 20 * SCALE]
    assert covered[20 * SCALE, 8 * SCALE]


def test_a_disc_is_covered_by_its_outline_and_loses_its_stairs():
    mask = disc(60, 22)
    path = outline_path(mask)
    assert filled(path, mask.shape).mean() == pytest.approx(mask.mean(), rel=0.03)
    assert len(loops(path)[0]) < 40


def test_a_mask_of_the_whole_view_is_outlined_at_its_border():
    (loop,) = loops(outline_path(np.ones((8, 8), dtype=bool)))
    assert loop.min() == 0
    assert loop.max() == 8


def test_parts_that_touch_in_a_corner_are_both_covered():
    mask = np.zeros((16, 16), dtype=bool)
    mask[2:8, 2:8] = mask[8:14, 8:14] = True
    covered = filled(outline_path(mask), mask.shape)
    assert covered[5 * SCALE, 5 * SCALE]
    assert covered[11 * SCALE, 11 * SCALE]
    assert not covered[5 * SCALE, 11 * SCALE]


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_pixels_away_from_the_border_are_on_the_right_side(seed):
    cells = np.random.default_rng(seed).random((5, 5)) > 0.5
    mask = np.kron(cells, np.ones((6, 6), dtype=bool))
    covered = filled(outline_path(mask), mask.shape)
    margin = int(np.ceil(TOLERANCE_VIEW_PIXELS)) + 1
    for row, column in np.ndindex(cells.shape):
        centre = covered[
            (6 * row + margin) * SCALE : (6 * row + 6 - margin) * SCALE,
            (6 * column + margin) * SCALE : (6 * column + 6 - margin) * SCALE,
        ]
        assert (centre == cells[row, column]).all()
