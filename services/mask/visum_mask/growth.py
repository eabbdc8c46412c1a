"""Growth of masks in batches, on any device."""

import torch.nn.functional as F
from torch import Tensor


def grown(saliency: Tensor, radius: int) -> Tensor:
    """Saliency, float [N, 1, H, W], where every pixel has the largest within `radius` in either direction."""
    side = 2 * radius + 1
    rows = F.max_pool2d(saliency, (1, side), 1, (0, radius))
    return F.max_pool2d(rows, (side, 1), 1, (radius, 0))
