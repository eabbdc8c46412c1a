import numpy as np
import pytest

from visum_mask.regions import find_regions


def test_regions_are_eight_connected_components_largest_first():
    mask = np.zeros((20, 20), bool)
    mask[1:3, 1:3] = True
    mask[3:5, 3:5] = True  # touches the first at a corner: the same region
    mask[10:20, 8:20] = True
    mask[0, 19] = True  # too small
    regions = find_regions(mask, 0.01)
    assert regions.boxes.tolist() == [[8, 10, 20, 20], [1, 1, 5, 5]]
    assert regions.map[15, 15] == 1
    assert regions.map[1, 1] == regions.map[4, 4] == 2
    assert regions.map[0, 19] == 0
    assert regions.mask.sum() == 120 + 8


@pytest.mark.parametrize("value", [False, True])
def test_empty_and_full_masks(value):
    regions = find_regions(np.full((8, 8), value), 0.01)
    assert len(regions.boxes) == int(value)
    assert regions.map.max() == int(value)


def test_regions_of_equal_size_are_ordered_by_their_first_pixel():
    mask = np.zeros((9, 9), bool)
    mask[6:8, 0:2] = mask[0:2, 6:8] = True
    assert find_regions(mask, 0.0).boxes.tolist() == [[6, 0, 8, 2], [0, 6, 2, 8]]


def test_without_a_smallest_size_single_pixels_are_regions():
    mask = np.zeros((9, 9), bool)
    mask[4, 4] = True
    assert find_regions(mask, 0.0).boxes.tolist() == [[4, 4, 5, 5]]
