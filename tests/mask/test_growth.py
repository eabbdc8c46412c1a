import numpy as np
import pytest
import torch
from scipy import ndimage

from visum_mask.growth import grown

SALIENCY = np.random.default_rng(0).random((24, 31)).astype(np.float32) ** 8


@pytest.mark.parametrize("radius", [1, 2, 5])
def test_growth_is_scipys_dilation_with_a_square(radius):
    side = 2 * radius + 1
    result = grown(torch.from_numpy(SALIENCY)[None, None], radius)[0, 0]
    np.testing.assert_array_equal(result, ndimage.grey_dilation(SALIENCY, (side, side), mode="nearest"))
    mask = SALIENCY > 0.5
    result = grown(torch.from_numpy(mask)[None, None].float(), radius)[0, 0] > 0
    np.testing.assert_array_equal(result, ndimage.binary_dilation(mask, np.ones((side, side))))
