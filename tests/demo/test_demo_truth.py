"""A region shows the planted part that most of its pixels lie on."""

import numpy as np
import pytest

from visum_demo import Rendering, load_world, planted_part, render

FULL = (0, 0, 128, 128)


def mask(left: int, top: int, right: int, bottom: int) -> np.ndarray:
    result = np.zeros((128, 128), dtype=bool)
    result[top:bottom, left:right] = True
    return result


@pytest.fixture
def rendering() -> Rendering:
    """Three bands: body from 0 to 40, wing from 40 to 60, tail from 60 to 80, and nothing to the right."""
    masks = {"body": mask(0, 0, 40, 128), "wing": mask(40, 0, 60, 128), "tail": mask(60, 0, 80, 128)}
    return Rendering(np.zeros((128, 128, 3), np.uint8), masks)


def test_the_part_with_most_pixels_wins(rendering: Rendering) -> None:
    assert planted_part(rendering, mask(50, 10, 65, 20), FULL) == "wing"
    assert planted_part(rendering, mask(58, 10, 70, 20), FULL) == "tail"
    assert planted_part(rendering, mask(30, 10, 45, 20), FULL) == "body"


def test_only_pixels_inside_the_box_count(rendering: Rendering) -> None:
    region = mask(0, 10, 80, 20)
    assert planted_part(rendering, region, FULL) == "body"
    assert planted_part(rendering, region, (45, 0, 62, 128)) == "wing"


def test_background_wins_only_with_more_than_half(rendering: Rendering) -> None:
    assert planted_part(rendering, mask(70, 0, 90, 10), FULL) == "tail"
    assert planted_part(rendering, mask(70, 0, 91, 10), FULL) is None
    assert planted_part(rendering, mask(55, 0, 85, 10), FULL) == "tail"


def test_an_empty_region_shows_nothing(rendering: Rendering) -> None:
    assert planted_part(rendering, mask(0, 0, 0, 0), FULL) is None
    assert planted_part(rendering, mask(0, 0, 10, 10), (20, 20, 30, 30)) is None


def test_every_visible_part_of_a_picture_names_itself() -> None:
    found = render(load_world("test").scene("hoopoe", 12))
    for name, own in found.part_masks.items():
        assert planted_part(found, own, FULL) == name


@pytest.mark.parametrize("box", [(5, 5, 5, 9), (-1, 0, 4, 4), (0, 0, 129, 4)])
def test_boxes_outside_the_picture_are_refused(rendering: Rendering, box: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="box"):
        planted_part(rendering, mask(0, 0, 10, 10), box)


def test_regions_of_another_size_are_refused(rendering: Rendering) -> None:
    with pytest.raises(ValueError, match="region"):
        planted_part(rendering, np.ones((64, 64), dtype=bool), FULL)
