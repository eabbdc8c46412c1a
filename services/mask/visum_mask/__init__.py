"""Crisp saliency masks: which pixels a classifier cannot do without."""

from visum_mask.attribution import CrispMask
from visum_mask.options import MaskOptions

__all__ = ["ALGORITHM_VERSION", "CrispMask", "MaskOptions"]

ALGORITHM_VERSION = "7"
"""Changes whenever masks or drops change."""
