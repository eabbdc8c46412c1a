"""Arrays of pixels: the few operations that backgrounds and parts share."""

from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from .colours import Colour

Pixels = NDArray[np.float32]
Element = TypeVar("Element", np.float32, np.uint8)


def tone_pixel(tone: Colour) -> Pixels:
    """A colour as float32 [3], to be broadcast over pixels."""
    return np.asarray(tone, np.float32)


def resized(pixels: NDArray[Element], side: int, interpolation: int = cv2.INTER_LINEAR) -> NDArray[Element]:
    """Pixels [h, w] or [h, w, channels] brought to [side, side]."""
    return np.asarray(cv2.resize(pixels, (side, side), interpolation=interpolation), pixels.dtype)


def blurred(pixels: Pixels, sigma_px: float, border: int = cv2.BORDER_REFLECT_101) -> Pixels:
    """Gaussian blur."""
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), sigma_px, borderType=border), np.float32)
