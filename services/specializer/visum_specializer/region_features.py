"""What a network sees in the regions of a mask: descriptors by which regions of different images are compared."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional
from torchvision.ops import roi_align

from visum_models import Classifier
from visum_models.strides import layers_at_strides, maps_at_strides
from visum_runtime.errors import InvalidInput

POOLED_STRIDES = (4, 8, 16)
"""Strides whose maps are averaged over a region."""
ALIGNED_STRIDES = (8, 16)
"""Strides whose maps are sampled over the box of a region."""
ALIGNED_CELLS = 4
_SAMPLES_A_CELL = 2


@dataclass(frozen=True, eq=False)
class RegionFeatures:
    """Features of R regions; each a second time as the mirrored view shows it.

    Attributes:
        aligned: float32 [R, 16 * channels]: maps sampled on 4 x 4 cells of the region's box (He et al., Mask R-CNN).
        aligned_mirrored: The same of the mirrored view.
        pooled: float32 [R, channels]: mean of the maps over the region.
        pooled_mirrored: The same of the mirrored view.
        layers: Submodules that the maps are of, by stride.
    """

    aligned: NDArray[np.float32]
    aligned_mirrored: NDArray[np.float32]
    pooled: NDArray[np.float32]
    pooled_mirrored: NDArray[np.float32]
    layers: dict[int, str]


def describe_regions(classifier: Classifier, view: NDArray[np.uint8], regions: NDArray[np.uint16]) -> RegionFeatures:
    """Describes the regions of a view.

    Args:
        classifier: The network.
        view: What it sees, uint8 [S, S, 3].
        regions: uint16 [S, S]: i in 1..R inside the i-th region, 0 elsewhere; R >= 1.

    Raises:
        InvalidInput: There is no region, or a number up to the largest is missing.
        FailedPrecondition: The network has no feature maps.
    """
    numbers = np.unique(regions[regions > 0])
    if len(numbers) == 0 or numbers[-1] != len(numbers):
        raise InvalidInput("must number its regions 1, 2, ... without a gap", field="regions_png")
    masks = torch.from_numpy(regions[None] == numbers[:, None, None]).float()
    layers = layers_at_strides(classifier, POOLED_STRIDES)
    pixels = classifier.to_pixels(view)
    maps = maps_at_strides(classifier, torch.stack([pixels, pixels.flip(-1)]), layers)
    plain = _features({stride: values[:1].cpu() for stride, values in maps.items()}, masks)
    mirrored = _features({stride: values[1:].cpu() for stride, values in maps.items()}, masks.flip(-1))
    return RegionFeatures(plain[0], mirrored[0], plain[1], mirrored[1], layers)


def _features(maps: dict[int, Tensor], masks: Tensor) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Aligned and pooled features of masks [R, S, S] on the maps [1, C, h, w] of one view.

    A network without maps at the aligned strides is described by its pooled features twice.
    """
    pooled = torch.cat([_pooled(values, masks) for values in maps.values()], dim=1)
    boxes = _boxes(masks)
    side = masks.shape[-1]
    sampled = [
        roi_align(values, [boxes], ALIGNED_CELLS, values.shape[-1] / side, _SAMPLES_A_CELL, aligned=True).flatten(1)
        for stride, values in maps.items()
        if stride in ALIGNED_STRIDES
    ]
    aligned = torch.cat(sampled, dim=1) if sampled else pooled
    return aligned.numpy(), pooled.numpy()


def _pooled(values: Tensor, masks: Tensor) -> Tensor:
    """Mean of a map [1, C, h, w] over each mask, [R, C]; a cell counts as far as the mask covers it."""
    cover = functional.adaptive_avg_pool2d(masks[:, None], (values.shape[-2], values.shape[-1]))[:, 0]
    return torch.einsum("rhw,chw->rc", cover, values[0]) / cover.sum(dim=(1, 2))[:, None]


def _boxes(masks: Tensor) -> Tensor:
    """Boxes float32 [R, 4] of the masks, view pixels, ends exclusive."""
    corners = []
    for mask in masks:
        rows, columns = torch.where(mask.any(dim=1))[0], torch.where(mask.any(dim=0))[0]
        corners.append([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1])
    return torch.tensor(corners, dtype=torch.float32)
