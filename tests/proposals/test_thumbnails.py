"""Thumbnails of boxes."""

import numpy as np

from tests.support.pictures import noise
from visum_proposals.boxes import as_boxes
from visum_proposals.thumbnails import make_thumbnails


def test_a_box_of_64_pixels_is_the_grey_view_itself() -> None:
    view = noise(100, 100)
    grey = np.round(view.astype(float) @ [0.299, 0.587, 0.114])
    (thumbnail,) = make_thumbnails(view, as_boxes([[20, 30, 84, 94]]))
    assert thumbnail.dtype == np.uint8
    np.testing.assert_allclose(thumbnail, grey[30:94, 20:84], atol=1)


def test_a_box_of_128_pixels_is_averaged() -> None:
    grey = np.random.default_rng(0).integers(0, 256, (128, 128), dtype=np.uint8)
    view = np.repeat(grey[..., None], 3, axis=2)
    (thumbnail,) = make_thumbnails(view, as_boxes([[0, 0, 128, 128]]))
    means = grey.astype(float).reshape(64, 2, 64, 2).mean(axis=(1, 3))
    np.testing.assert_allclose(thumbnail, means, atol=0.51)


def test_boxes_of_any_shape_become_squares() -> None:
    boxes = as_boxes([[0, 0, 1, 1], [3, 4, 60, 8], [0, 0, 50, 50]])
    assert make_thumbnails(noise(60, 60), boxes).shape == (3, 64, 64)
    assert make_thumbnails(noise(60, 60), boxes[:0]).shape == (0, 64, 64)
