"""Perturbs a view where a mask says so (paper, eq. 1)."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from visum_mask.options import Perturbation

REFERENCE_SIDE = 224
"""Side of the view, pixels, for which lengths are given."""
PYRAMID_LEVELS = 8
_KERNEL_SIGMAS = 3.0


def scaled_length(length: float, side: int) -> float:
    """A length in pixels of a view of `side` pixels, given in pixels of a view of 224."""
    return length * side / REFERENCE_SIDE


def gaussian_blur(pixels: Tensor, sigma: float) -> Tensor:
    """Blurs images [N, C, H, W] with a Gaussian of `sigma` pixels; borders are reflected, the kernel cut at 3 sigma."""
    radius = min(math.ceil(_KERNEL_SIGMAS * sigma), min(pixels.shape[-2:]) - 1)
    offsets = torch.arange(-radius, radius + 1, dtype=pixels.dtype, device=pixels.device)
    kernel = torch.exp(-0.5 * (offsets / sigma) ** 2)
    kernel = (kernel / kernel.sum()).repeat(pixels.shape[1], 1)
    channels = pixels.shape[1]
    padded = F.pad(pixels, (radius, radius, radius, radius), mode="reflect")
    rows = F.conv2d(padded, kernel[:, None, None, :], groups=channels)
    return F.conv2d(rows, kernel[:, None, :, None], groups=channels)


def make_perturbation(pixels: Tensor, kind: Perturbation, sigma: float) -> "Blend | Pyramid":
    """The perturbation of views [N, 3, S, S], prepared for many masks.

    Both kinds are weighted means of the view and blurred versions of it, so that they do the same to a view in 0..1 and
    to one that is normalized for a network.
    """
    return Pyramid(pixels, sigma) if kind is Perturbation.PYRAMID else Blend(pixels, sigma)


class Blend:
    """Mixes a view with its blurred version: ``keep * view + (1 - keep) * blur(view)``.

    Args:
        pixels: Views [N, 3, S, S].
        sigma: Standard deviation of the blur, pixels of a view of 224.
    """

    def __init__(self, pixels: Tensor, sigma: float) -> None:
        self._blurred = gaussian_blur(pixels, scaled_length(sigma, pixels.shape[-1]))
        self._detail = pixels - self._blurred

    def __call__(self, keep: Tensor) -> Tensor:
        """Perturbed views, [N, 3, S, S]; `keep` [N, 1, S, S] is 1 where a pixel stays as it is."""
        return torch.addcmul(self._blurred, keep.to(self._detail.dtype), self._detail)

    def select(self, indices: Tensor) -> "Blend":
        """The same for some of the views."""
        chosen = object.__new__(Blend)
        chosen._blurred = self._blurred[indices]
        chosen._detail = self._detail[indices]
        return chosen


class Pyramid:
    """Blurs each pixel by its own sigma, ``sigma * (1 - keep)``, interpolated between fixed levels.

    Args:
        pixels: Views [N, 3, S, S].
        sigma: Largest standard deviation, pixels of a view of 224.
    """

    def __init__(self, pixels: Tensor, sigma: float) -> None:
        largest = scaled_length(sigma, pixels.shape[-1])
        steps = [largest * level / PYRAMID_LEVELS for level in range(1, PYRAMID_LEVELS + 1)]
        self._levels = torch.stack([pixels, *(gaussian_blur(pixels, step) for step in steps)])

    def __call__(self, keep: Tensor) -> Tensor:
        """Perturbed views, [N, 3, S, S]; `keep` [N, 1, S, S] is 1 where a pixel stays as it is."""
        depth = (1 - keep) * PYRAMID_LEVELS
        levels = torch.arange(PYRAMID_LEVELS + 1, dtype=depth.dtype, device=depth.device).view(-1, 1, 1, 1, 1)
        weights = (1 - (depth - levels).abs()).clamp_min(0)
        return (weights * self._levels).sum(0)

    def select(self, indices: Tensor) -> "Pyramid":
        """The same for some of the views."""
        chosen = object.__new__(Pyramid)
        chosen._levels = self._levels[:, indices]
        return chosen
