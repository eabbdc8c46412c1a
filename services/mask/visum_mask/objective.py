"""What a mask is optimized for: the paper's equation 2, a projection and a log-odds hinge.

Conventions: a mask ``m`` is 1 where a pixel is kept and 0 where it is blurred; saliency is ``1 - m``. Regularizers are
means over the cells of the raw mask, one value an image, so that an image's optimum does not depend on its company.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

VARIATION_EXPONENT = 3
"""Beta of the total variation (paper, eq. 2)."""
BINARY_THRESHOLD = 0.5


def upsample(cells: Tensor, side: int) -> Tensor:
    """Masks [N, 1, G, G] at full resolution, [N, 1, S, S], bilinear.

    As two products with one small matrix, whose gradient costs a tenth of that of torch's own interpolation on a CPU.
    """
    unit = torch.eye(cells.shape[-1], device=cells.device)[None]
    along = F.interpolate(unit, size=side, mode="linear", align_corners=False)[0]
    return along.T @ cells @ along


def project(mask: Tensor, sharpness: float) -> Tensor:
    """Pushes values towards 0 and 1: a smooth step at one half, whose slope grows with `sharpness`, onto 0..1.

    Source: Wang, Lazarov and Sigmund, On projection methods, convergence and robust formulations in topology
    optimization, eq. 9, with threshold one half.
    """
    half = math.tanh(sharpness / 2)
    return ((half + torch.tanh(sharpness * (mask - BINARY_THRESHOLD))) / (2 * half)).clamp(0, 1)


def straight_through(binary: Tensor, projected: Tensor) -> Tensor:
    """A binary mask, with the gradient of the projected one."""
    return binary.to(projected.dtype) + (projected - projected.detach())


def area(cells: Tensor) -> Tensor:
    """``mean |1 - m|`` of each image, [N] (paper, eq. 2, lambda 1)."""
    return (1 - cells).abs().mean(dim=(1, 2, 3))


def total_variation(cells: Tensor) -> Tensor:
    """``(sum |dx m|^3 + sum |dy m|^3) / cells`` of each image, [N] (paper, eq. 2, lambda 2)."""
    horizontal = (cells[..., :, 1:] - cells[..., :, :-1]).abs().pow(VARIATION_EXPONENT).sum(dim=(1, 2, 3))
    vertical = (cells[..., 1:, :] - cells[..., :-1, :]).abs().pow(VARIATION_EXPONENT).sum(dim=(1, 2, 3))
    return (horizontal + vertical) / cells[0].numel()


def crispness(cells: Tensor) -> Tensor:
    """``mean |1 - m| m`` of each image, [N]: 0 for binary masks (paper, eq. 2, lambda 3)."""
    return ((1 - cells).abs() * cells).mean(dim=(1, 2, 3))


def probability(logits: Tensor, targets: Tensor) -> Tensor:
    """Softmax probability of each image's target, [N]."""
    return logits.softmax(dim=1).gather(1, targets[:, None])[:, 0]


def log_odds(logits: Tensor, targets: Tensor) -> Tensor:
    """``z_c - log sum_{k != c} exp z_k`` of each image's target c, [N]; its sigmoid is the probability."""
    others = logits.scatter(1, targets[:, None], -math.inf)
    return logits.gather(1, targets[:, None])[:, 0] - others.logsumexp(dim=1)


def hinge_margin(probabilities: Tensor, required_drops: Tensor | float) -> Tensor:
    """How far below zero the log-odds must fall for the drops to be what is required, [N]."""
    aim = ((1 - required_drops) * probabilities).clamp(min=torch.finfo(probabilities.dtype).tiny)
    return torch.log1p(-aim) - torch.log(aim)


def log_odds_hinge(odds: Tensor, margins: Tensor) -> Tensor:
    """``softplus(odds + margin)`` of each image, [N]: a gradient where the softmax is saturated."""
    return F.softplus(odds + margins)


def relative_drop(before: Tensor, after: Tensor) -> Tensor:
    """``(before - after) / before``: the fraction of a probability that is lost."""
    return (before - after) / before.clamp(min=torch.finfo(before.dtype).tiny)
