"""Arrays and masks on the wire: the one place where messages become arrays and arrays become messages."""

from visum_wire.arrays import from_array, to_array
from visum_wire.errors import InvalidInput
from visum_wire.png import (
    mask_from_png,
    mask_to_png,
    regions_from_png,
    regions_to_png,
    saliency_from_png,
    saliency_to_png,
)

__all__ = [
    "InvalidInput",
    "from_array",
    "mask_from_png",
    "mask_to_png",
    "regions_from_png",
    "regions_to_png",
    "saliency_from_png",
    "saliency_to_png",
    "to_array",
]
