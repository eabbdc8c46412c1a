"""Small pictures drawn on the spot."""

import io

import numpy as np
from numpy.typing import NDArray
from PIL import Image


def encoded(pixels: NDArray[np.uint8], kind: str = "PNG", **options: object) -> bytes:
    """An encoded image file of a uint8 array [H, W, 3] or [H, W]."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, format=kind, **options)
    return buffer.getvalue()


def noise(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    """Random RGB pixels."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def chessboard(side: int) -> NDArray[np.uint8]:
    """A chessboard of single black and white pixels, RGB: all detail, gone when blurred."""
    rows, columns = np.indices((side, side))
    return np.repeat(((rows + columns) % 2 * 255).astype(np.uint8)[..., None], 3, axis=2)


def square(
    side: int, corner: tuple[int, int], size: int, colour: tuple[int, int, int] = (255, 40, 40)
) -> NDArray[np.uint8]:
    """A grey picture with one coloured square; `corner` is its (x, y)."""
    pixels = np.full((side, side, 3), 110, dtype=np.uint8)
    x, y = corner
    pixels[y : y + size, x : x + size] = colour
    return pixels
