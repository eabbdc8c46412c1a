import cv2
import numpy as np
import pytest
import torch

from visum_mask.perturbation import Blend, Pyramid, gaussian_blur, scaled_length


def test_the_blur_is_opencvs():
    pixels = torch.rand(1, 3, 64, 48)
    blurred = gaussian_blur(pixels, 3.0)[0].permute(1, 2, 0).numpy()
    image = np.ascontiguousarray(pixels[0].permute(1, 2, 0).numpy())
    expected = cv2.GaussianBlur(image, (19, 19), 3.0, borderType=cv2.BORDER_REFLECT_101)
    assert np.abs(blurred - expected).max() < 1e-5


def test_a_blurred_constant_is_that_constant_also_on_tiny_views():
    for side in (4, 9, 64):
        pixels = torch.full((1, 3, side, side), 0.3)
        torch.testing.assert_close(gaussian_blur(pixels, 10.0), pixels)


@pytest.mark.parametrize("kind", [Blend, Pyramid])
def test_kept_pixels_stay_and_blurred_pixels_are_the_blurred_view(kind):
    pixels = torch.rand(2, 3, 40, 40)
    perturb = kind(pixels, 10.0)
    torch.testing.assert_close(perturb(torch.ones(2, 1, 40, 40)), pixels)
    torch.testing.assert_close(perturb(torch.zeros(2, 1, 40, 40)), gaussian_blur(pixels, scaled_length(10.0, 40)))


def test_both_perturbations_agree_exactly_on_binary_masks():
    pixels = torch.rand(1, 3, 40, 40)
    keep = (torch.rand(1, 1, 40, 40) > 0.5).float()
    torch.testing.assert_close(Blend(pixels, 10.0)(keep), Pyramid(pixels, 10.0)(keep))


@pytest.mark.parametrize("kind", [Blend, Pyramid])
def test_selected_views_are_perturbed_as_before(kind):
    pixels, keep = torch.rand(3, 3, 20, 20), torch.rand(3, 1, 20, 20)
    chosen = torch.tensor([2, 0])
    perturb = kind(pixels, 10.0)
    torch.testing.assert_close(perturb.select(chosen)(keep[chosen]), perturb(keep)[chosen])
