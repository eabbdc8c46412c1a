"""Masks made from a mask: moved at random, grown, shrunk, without small components."""

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from visum_mask.regions import find_regions

Mask = NDArray[np.bool_]

DILATION_PX = 3
EROSION_PX = 1
SMALL_COMPONENT = 0.01
"""Fraction of the view under which a component is small."""
_NEIGHBOURS = np.ones((3, 3), dtype=bool)
_PLACES_TRIED = 100


def dilated(mask: Mask) -> Mask:
    """The mask [S, S] grown by a few pixels."""
    return ndimage.binary_dilation(mask, _NEIGHBOURS, iterations=DILATION_PX)


def eroded(mask: Mask) -> Mask:
    """The mask [S, S] shrunk by a pixel; at the view's border it stays."""
    return ndimage.binary_erosion(mask, _NEIGHBOURS, iterations=EROSION_PX, border_value=1)


def without_small_components(mask: Mask) -> Mask:
    """The mask [S, S] without the components under 1 % of the view."""
    return find_regions(mask, SMALL_COMPONENT).mask


def component_count(mask: Mask) -> int:
    """Number of 8-connected components of a mask [S, S]."""
    return len(find_regions(mask, 0.0).boxes)


def moved_at_random(mask: Mask, generator: np.random.Generator) -> Mask:
    """The components of a mask [S, S], each at a random place, the largest first.

    Places where components overlap are tried again; one that fits nowhere in a hundred places overlaps all the same.
    """
    regions = find_regions(mask, 0.0)
    moved = np.zeros_like(mask)
    for number, (x0, y0, x1, y1) in enumerate(regions.boxes, start=1):
        _place(regions.map[y0:y1, x0:x1] == number, moved, generator)
    return moved


def with_area(mask: Mask, pixels: int) -> Mask:
    """The mask [S, S] grown or shrunk by distance from its outline until it has so many pixels."""
    inside, outside = (ndimage.distance_transform_edt(part) for part in (mask, ~mask))
    nearest = np.argsort((outside - inside).ravel(), kind="stable")[:pixels]
    changed = np.zeros(mask.size, dtype=bool)
    changed[nearest] = True
    return changed.reshape(mask.shape)


def overlap(left: Mask, right: Mask) -> float:
    """Intersection over union; 1 where both are empty."""
    union = int((left | right).sum())
    return int((left & right).sum()) / union if union else 1.0


def _place(component: Mask, canvas: Mask, generator: np.random.Generator) -> None:
    height, width = component.shape
    window = canvas[:height, :width]
    for _ in range(_PLACES_TRIED):
        top = int(generator.integers(canvas.shape[0] - height + 1))
        left = int(generator.integers(canvas.shape[1] - width + 1))
        window = canvas[top : top + height, left : left + width]
        if not (window & component).any():
            break
    window |= component
