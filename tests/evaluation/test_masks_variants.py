import numpy as np
import pytest

from visum_evaluation.masks import variants


def blob(*boxes):
    mask = np.zeros((40, 40), bool)
    for x0, y0, x1, y1 in boxes:
        mask[y0:y1, x0:x1] = True
    return mask


TWO = blob((2, 3, 12, 9), (20, 20, 23, 36))


@pytest.mark.parametrize("seed", range(5))
def test_components_moved_at_random_keep_their_shapes(seed):
    moved = variants.moved_at_random(TWO, np.random.default_rng(seed))
    assert moved.sum() == TWO.sum()
    assert (moved != TWO).any()
    alone = variants.moved_at_random(blob((2, 3, 12, 9)), np.random.default_rng(seed))
    rows, columns = np.nonzero(alone)
    assert (np.ptp(columns) + 1, np.ptp(rows) + 1) == (10, 6)


def test_full_and_empty_masks_have_only_one_place():
    for mask in (np.zeros((9, 9), bool), np.ones((9, 9), bool)):
        np.testing.assert_array_equal(variants.moved_at_random(mask, np.random.default_rng(0)), mask)


def test_dilation_grows_by_three_pixels_and_erosion_shrinks_by_one():
    mask = blob((10, 10, 20, 20))
    np.testing.assert_array_equal(variants.dilated(mask), blob((7, 7, 23, 23)))
    np.testing.assert_array_equal(variants.eroded(mask), blob((11, 11, 19, 19)))
    np.testing.assert_array_equal(variants.eroded(blob((0, 0, 10, 10))), blob((0, 0, 9, 9)))


def test_components_under_one_percent_go():
    mask = blob((10, 10, 20, 20), (30, 30, 33, 35))  # 15 of 1600 pixels
    np.testing.assert_array_equal(variants.without_small_components(mask), blob((10, 10, 20, 20)))
    assert variants.component_count(mask) == 2


@pytest.mark.parametrize("pixels", [0, 5, 108, 300, 1600])
def test_a_mask_of_another_area_has_exactly_that_area_and_contains_or_is_contained(pixels):
    changed = variants.with_area(TWO, pixels)
    assert changed.sum() == pixels
    assert (changed <= TWO).all() or (changed >= TWO).all()


def test_overlap_is_intersection_over_union():
    assert variants.overlap(blob((0, 0, 2, 2)), blob((1, 0, 3, 2))) == pytest.approx(2 / 6)
    assert variants.overlap(blob(), blob()) == 1.0
