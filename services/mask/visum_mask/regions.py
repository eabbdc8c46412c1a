"""Regions of a mask: its connected components that are large enough (paper, section 3.2)."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

_EIGHT_NEIGHBOURS = np.ones((3, 3), dtype=bool)


@dataclass(frozen=True)
class Regions:
    """The regions of one mask, largest first."""

    map: NDArray[np.int32]
    """int32 [H, W]: i inside region i, 1..R; 0 elsewhere."""
    boxes: NDArray[np.int32]
    """int32 [R, 4]: x0, y0, x1, y1, ends exclusive."""

    @property
    def mask(self) -> NDArray[np.bool_]:
        """True inside any region."""
        return self.map > 0


def find_regions(mask: NDArray[np.bool_], min_area: float) -> Regions:
    """The 8-connected components of a mask that cover at least `min_area`, a fraction of the view.

    Components of equal size are ordered by their first pixel, row by row.
    """
    labels, count = ndimage.label(mask, structure=_EIGHT_NEIGHBOURS)
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    kept = [label for label in range(1, count + 1) if sizes[label] >= max(min_area * mask.size, 1)]
    kept.sort(key=lambda label: (-sizes[label], label))
    numbers = np.zeros(count + 1, dtype=np.int32)
    numbers[kept] = np.arange(1, len(kept) + 1)
    region_map = numbers[labels]
    slices = ndimage.find_objects(region_map)
    boxes = [(x.start, y.start, x.stop, y.stop) for y, x in slices]
    return Regions(region_map, np.array(boxes, dtype=np.int32).reshape(-1, 4))
