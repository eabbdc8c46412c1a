import numpy as np
import pytest
import torch
from scipy import ndimage

from visum_mask.morphology import dilate, erode, opened

MASK = np.random.default_rng(0).random((24, 31)) > 0.3


@pytest.mark.parametrize("radius", [1, 2, 5])
def test_dilation_and_erosion_are_scipys_with_a_square(radius):
    square = np.ones((2 * radius + 1,) * 2, bool)
    masks = torch.from_numpy(MASK)[None, None]
    np.testing.assert_array_equal(dilate(masks, radius)[0, 0], ndimage.binary_dilation(MASK, square))
    expected = ndimage.binary_erosion(MASK, square, border_value=1)
    np.testing.assert_array_equal(erode(masks, radius)[0, 0], expected)


def test_opening_takes_out_what_no_square_fits_and_nothing_else():
    masks = torch.zeros(2, 1, 20, 20, dtype=torch.bool)
    masks[0, 0, 5:12, 5:12] = True
    expected = masks.clone()
    masks[0, 0, 8, 12:18] = True  # a sliver
    masks[1, 0, 3:5, 3:5] = True  # too small
    assert torch.equal(opened(masks, 2), expected)
    assert torch.equal(opened(opened(masks, 2), 2), opened(masks, 2))


def test_a_mask_goes_on_beyond_the_border():
    masks = torch.zeros(1, 1, 12, 12, dtype=torch.bool)
    masks[..., :6, :] = True
    assert torch.equal(opened(masks, 2), masks)
    assert erode(masks, 2)[0, 0, 0].all()
