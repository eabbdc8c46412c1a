import struct
import zlib

import numpy as np
import pytest

from tests.support.pictures import encoded, noise
from visum_wire import (
    InvalidInput,
    mask_from_png,
    mask_to_png,
    regions_from_png,
    regions_to_png,
    saliency_from_png,
    saliency_to_png,
)


def test_masks_saliency_and_regions_survive_the_wire():
    generator = np.random.default_rng(0)
    mask = generator.random((9, 13)) > 0.5
    saliency = generator.random((9, 13))
    regions = generator.integers(0, 65536, (9, 13))
    np.testing.assert_array_equal(mask_from_png(mask_to_png(mask), "m", (9, 13)), mask)
    assert np.abs(saliency_from_png(saliency_to_png(saliency), "s") - saliency).max() <= 0.5 / 255 + 1e-6
    np.testing.assert_array_equal(regions_from_png(regions_to_png(regions), "r", (9, 13)), regions)


@pytest.mark.parametrize(
    "png",
    [b"", b"text", mask_to_png(np.ones((9, 13), bool))[:40], encoded(noise(9, 13)), encoded(noise(9, 13), "JPEG")],
)
def test_what_is_no_greyscale_png_is_refused(png):
    for decode in (mask_from_png, saliency_from_png, regions_from_png):
        with pytest.raises(InvalidInput) as caught:
            decode(png, "masks_png[3]")
        assert caught.value.field == "masks_png[3]"


def test_masks_with_damaged_chunks_are_refused_whatever_pillow_raises():
    png = mask_to_png(np.ones((9, 13), bool))
    chunk = struct.pack(">I", 0) + b"gAMA" + struct.pack(">I", zlib.crc32(b"gAMA"))
    with pytest.raises(InvalidInput):
        mask_from_png(png[:33] + chunk + png[33:], "m")


def test_a_mask_of_another_size_is_refused_with_both_sizes():
    with pytest.raises(InvalidInput, match="9 x 13, expected 9 x 14"):
        mask_from_png(mask_to_png(np.ones((9, 13), bool)), "m", (9, 14))
