"""Masks, saliency and region maps as PNG."""

import io
import struct
import zlib

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from visum_wire.errors import InvalidInput

DECODING_ERRORS = (OSError, SyntaxError, ValueError, EOFError, struct.error, zlib.error, Image.DecompressionBombError)
"""What Pillow raises for damaged files."""
SALIENT = 255
_SALIENT_FROM = 128


def mask_to_png(mask: NDArray[np.bool_]) -> bytes:
    """Encodes a boolean mask [H, W] as a greyscale PNG: 255 where true, 0 elsewhere."""
    return _encode(Image.fromarray(mask.astype(np.uint8) * SALIENT))


def mask_from_png(png: bytes, field: str, shape: tuple[int, int] | None = None) -> NDArray[np.bool_]:
    """Decodes a mask: true where the greyscale value is at least 128.

    Raises:
        InvalidInput: Not a greyscale PNG, or not of `shape` (height, width).
    """
    return _decode(png, field, {"1", "L"}, shape) >= _SALIENT_FROM


def saliency_to_png(saliency: NDArray[np.floating]) -> bytes:
    """Encodes saliency [H, W] in 0..1 as a greyscale PNG of 256 levels."""
    return _encode(Image.fromarray(np.round(np.clip(saliency, 0, 1) * SALIENT).astype(np.uint8)))


def saliency_from_png(png: bytes, field: str, shape: tuple[int, int] | None = None) -> NDArray[np.float32]:
    """Decodes saliency to float32 [H, W] in 0..1.

    Raises:
        InvalidInput: Not a greyscale PNG, or not of `shape` (height, width).
    """
    return (_decode(png, field, {"1", "L"}, shape) / np.float32(SALIENT)).astype(np.float32)


def regions_to_png(regions: NDArray[np.integer]) -> bytes:
    """Encodes a region map [H, W], 0..65535, as a 16-bit greyscale PNG."""
    return _encode(Image.fromarray(regions.astype(np.uint16)))


def regions_from_png(png: bytes, field: str, shape: tuple[int, int] | None = None) -> NDArray[np.int32]:
    """Decodes a region map to int32 [H, W].

    Raises:
        InvalidInput: Not a 16-bit greyscale PNG, or not of `shape` (height, width).
    """
    return _decode(png, field, {"I;16", "I"}, shape).astype(np.int32)


def _encode(image: Image.Image) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format="PNG", optimize=False)
    return buffer.getvalue()


def _decode(png: bytes, field: str, modes: set[str], shape: tuple[int, int] | None) -> NDArray:
    try:
        image: Image.Image = Image.open(io.BytesIO(png), formats=["PNG"])
        if image.mode not in modes:
            raise InvalidInput(f"is a PNG of mode {image.mode}, expected {' or '.join(sorted(modes))}", field=field)
        if shape is not None and (image.height, image.width) != shape:
            raise InvalidInput(f"is {image.height} x {image.width}, expected {shape[0]} x {shape[1]}", field=field)
        if image.mode == "1":
            image = image.convert("L")
        return np.array(image)
    except InvalidInput:
        raise
    except DECODING_ERRORS as error:
        raise InvalidInput("is not a readable PNG", field=field) from error
