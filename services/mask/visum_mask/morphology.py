"""Erosion and opening of masks in batches, on any device."""

import torch.nn.functional as F
from torch import Tensor


def erode(masks: Tensor, radius: int) -> Tensor:
    """Masks, bool [N, 1, H, W], without the pixels within `radius` of a false one in either direction.

    Beyond its border a mask goes on as it is there.
    """
    return ~dilate(~masks, radius)


def dilate(masks: Tensor, radius: int) -> Tensor:
    """Masks, bool [N, 1, H, W], with the pixels within `radius` of a true one in either direction."""
    side = 2 * radius + 1
    rows = F.max_pool2d(masks.float(), (1, side), 1, (0, radius))
    return F.max_pool2d(rows, (side, 1), 1, (radius, 0)) > 0


def opened(masks: Tensor, radius: int) -> Tensor:
    """Masks, bool [N, 1, H, W], without what no square of side ``2 * radius + 1`` inside them covers."""
    return dilate(erode(masks, radius), radius)
