"""Members are moved onto the exemplar before they are compared."""

import numpy as np
import pytest

from tests.clustering.builders import pattern
from visum_clustering.alignment import MAX_SHIFT_PX, align
from visum_clustering.ssim import median_ssim, pair_ssim

MARGIN = 16


def wide_picture(seed=0):
    """A smooth random picture with a margin around its middle of 64 x 64."""
    coarse = np.random.default_rng(seed).integers(30, 226, (12, 12))
    fine = np.kron(coarse, np.ones((8, 8)))
    for _ in range(3):
        fine = (fine + np.roll(fine, 2, 0) + np.roll(fine, 2, 1) + np.roll(fine, (2, 2), (0, 1))) / 4
    return np.rint(fine).astype(np.uint8)


def window(picture, down=0, across=0):
    return picture[MARGIN + down : MARGIN + down + 64, MARGIN + across : MARGIN + across + 64]


def likeness(thumbnails):
    return pair_ssim(thumbnails, np.array([0]), np.array([1]))[0]


@pytest.mark.parametrize("shift", [(0, 0), (5, -7), (-MAX_SHIFT_PX, MAX_SHIFT_PX), (9, 3)])
@pytest.mark.parametrize("mirrored", [False, True])
def test_a_shifted_or_mirrored_picture_comes_to_lie_on_the_exemplar(shift, mirrored):
    exemplar, other = window(wide_picture()), window(wide_picture(), *shift)
    pictures = np.stack([exemplar, other[:, ::-1] if mirrored else other])
    aligned = align(pictures)
    inner = np.s_[:, MAX_SHIFT_PX:-MAX_SHIFT_PX, MAX_SHIFT_PX:-MAX_SHIFT_PX]
    np.testing.assert_array_equal(aligned[inner][1], exemplar[inner[1:]])


def test_a_scaled_picture_comes_closer_to_the_exemplar():
    picture = wide_picture(1)
    places = np.rint((np.arange(64) - 31.5) / 1.25 + 31.5).astype(int)
    pictures = np.stack([window(picture), window(picture)[places][:, places]])
    assert likeness(align(pictures)) > max(0.8, likeness(pictures) + 0.3)


def test_the_exemplar_and_its_equals_stay_as_they_are():
    pictures = np.stack([pattern(3)] * 3)
    np.testing.assert_array_equal(align(pictures), pictures)
    np.testing.assert_array_equal(align(pictures[:1]), pictures[:1])


def test_results_do_not_depend_on_company_or_number():
    pictures = np.stack([pattern(seed % 5, noise=30, noise_seed=seed) for seed in range(70)])
    together = align(pictures)
    for other in (1, 40, 69):
        np.testing.assert_array_equal(together[other], align(pictures[[0, other]])[1])


def test_flat_pictures_stay_flat():
    pictures = np.stack([np.full((64, 64), level, np.uint8) for level in (0, 90, 255)])
    np.testing.assert_array_equal(align(pictures), pictures)
    mixed = align(np.stack([pictures[0], pattern(1)]))
    assert mixed[1].std() > 0


def test_alignment_tells_moved_copies_from_other_pictures():
    moved = np.stack([window(wide_picture(), *shift) for shift in ((0, 0), (6, 4), (-8, 2), (3, -9))])
    others = np.stack([window(wide_picture(seed)) for seed in range(4)])
    assert median_ssim(moved) < 0.5
    assert median_ssim(align(moved)) > 0.8
    assert median_ssim(align(others)) < 0.5
