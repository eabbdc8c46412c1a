"""From encoded image to view: the one function that says what a network sees."""

import hashlib
import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError
from visum.v1 import common_pb2

from visum_runtime.errors import InvalidInput
from visum_runtime.references import require_digest
from visum_runtime.settings import ServerSettings
from visum_wire.png import DECODING_ERRORS

FORMATS = ("JPEG", "PNG", "WEBP", "BMP", "TIFF", "GIF")
MAX_VIEW_SIDE = 4096
_JPEG_QUALITY = 92
_FULL_8_BITS = 255.0
_FULL_16_BITS = 65535.0
_MAX_ASPECT = 100
_DECODING_ERRORS = (*DECODING_ERRORS, TypeError, LookupError, ArithmeticError)
"""Damaged metadata makes Pillow raise more kinds than damaged pixels."""
_FILTERS = {
    common_pb2.Preprocessing.INTERPOLATION_UNSPECIFIED: Image.Resampling.BILINEAR,
    common_pb2.Preprocessing.INTERPOLATION_BILINEAR: Image.Resampling.BILINEAR,
    common_pb2.Preprocessing.INTERPOLATION_BICUBIC: Image.Resampling.BICUBIC,
}


@dataclass(frozen=True)
class ImageLimits:
    """What an image may cost before it is decoded."""

    max_bytes: int
    """Encoded size, bytes."""
    max_pixels: int
    """Width times height."""

    @classmethod
    def of(cls, settings: ServerSettings) -> "ImageLimits":
        """The limits that a server's settings give."""
        return cls(settings.max_image_bytes, settings.max_image_pixels)


@dataclass(frozen=True)
class View:
    """What a network sees of an image."""

    pixels: NDArray[np.uint8]
    """RGB, uint8 [S, S, 3]."""
    image_sha256: str
    """Digest of the encoded image, hexadecimal."""
    scale: tuple[float, float]
    """Original pixels a view pixel, horizontally and vertically."""
    offset: tuple[float, float]
    """Original x and y of the view's upper left corner, pixels."""
    original_size: tuple[int, int]
    """Width and height of the upright original, pixels."""

    @property
    def side(self) -> int:
        """Side of the view, pixels."""
        return int(self.pixels.shape[0])

    def to_message(self) -> common_pb2.ViewToOriginal:
        """The affine map to the original."""
        return common_pb2.ViewToOriginal(xx=self.scale[0], yy=self.scale[1], x0=self.offset[0], y0=self.offset[1])

    def to_jpeg(self) -> bytes:
        """The view for people to look at."""
        buffer = io.BytesIO()
        Image.fromarray(self.pixels).save(buffer, format="JPEG", quality=_JPEG_QUALITY, subsampling=0)
        return buffer.getvalue()


def load_view(image: common_pb2.Image, preprocessing: common_pb2.Preprocessing, limits: ImageLimits) -> View:
    """Reads a request's image and makes its view.

    Raises:
        InvalidInput: The image is missing, too large, damaged, of another digest than said, or no image at all; or the
            preprocessing is out of range.
    """
    check_preprocessing(preprocessing)
    data = image_bytes(image, limits)
    digest = hashlib.sha256(data).hexdigest()
    require_digest(image.sha256, "image.sha256")
    if image.sha256 and image.sha256 != digest:
        raise InvalidInput(f"is {image.sha256}, but the data has {digest}", field="image.sha256")
    return make_view(decode_upright(data, limits), preprocessing, digest, limits.max_pixels)


def image_bytes(image: common_pb2.Image, limits: ImageLimits) -> bytes:
    """The encoded file of a request's image. Raises as `load_view`."""
    if not image.data:
        raise InvalidInput("is empty", field="image.data")
    if len(image.data) > limits.max_bytes:
        raise InvalidInput(f"has {len(image.data)} bytes, at most {limits.max_bytes} are allowed", field="image.data")
    return image.data


def decode_upright(data: bytes, limits: ImageLimits) -> Image.Image:
    """Decodes a file to an upright RGB image: EXIF orientation applied, transparency on white, 16 bits scaled to 8.

    Floating point pixels that all lie within 0..1 count from 0 to 1, others from 0 to 255.

    Raises:
        InvalidInput: Not an image, of a format that is not read, damaged or truncated, of too many pixels, or of
            floating point pixels outside 0..255.
    """
    try:
        image = Image.open(io.BytesIO(data), formats=FORMATS)
        if image.width * image.height > limits.max_pixels:
            size = f"{image.width} x {image.height} pixels"
            raise InvalidInput(f"has {size}, at most {limits.max_pixels} are allowed", field="image.data")
        image.load()
        return _to_rgb(ImageOps.exif_transpose(image))
    except UnidentifiedImageError as error:
        raise InvalidInput(f"is not an image that is read here ({', '.join(FORMATS)})", field="image.data") from error
    except InvalidInput:
        raise
    except Image.DecompressionBombError as error:  # so many that Pillow itself refuses
        message = f"has far too many pixels, at most {limits.max_pixels} are allowed"
        raise InvalidInput(message, field="image.data") from error
    except _DECODING_ERRORS as error:
        raise InvalidInput("is a damaged or truncated image", field="image.data") from error


def make_view(image: Image.Image, preprocessing: common_pb2.Preprocessing, image_sha256: str, max_pixels: int) -> View:
    """Resizes the shorter side and crops the centre, as torchvision's transforms do on a PIL image.

    Args:
        image: Upright RGB image.
        preprocessing: Checked sizes and filter.
        image_sha256: Digest of the encoded image.
        max_pixels: Most pixels that the resized image may have.
    """
    width, height = image.size
    shorter = min(width, height)
    new_width, new_height = (int(preprocessing.resize * side / shorter) for side in (width, height))
    if max(new_width, new_height) > preprocessing.resize * _MAX_ASPECT or new_width * new_height > max_pixels:
        raise InvalidInput(f"is {width} x {height}: too elongated to be viewed", field="image.data")
    resized = image.resize((new_width, new_height), _FILTERS[preprocessing.interpolation])
    left, top = (round((side - preprocessing.crop) / 2.0) for side in (new_width, new_height))
    box = (left, top, left + preprocessing.crop, top + preprocessing.crop)
    scale = (width / new_width, height / new_height)
    offset = (left * scale[0], top * scale[1])
    return View(np.asarray(resized.crop(box)), image_sha256, scale, offset, (width, height))


def check_preprocessing(preprocessing: common_pb2.Preprocessing) -> None:
    """Holds the sizes and the filter against their ranges.

    Raises:
        InvalidInput: A value is out of range; names the field.
    """
    if not 1 <= preprocessing.resize <= MAX_VIEW_SIDE:
        raise InvalidInput(
            f"is {preprocessing.resize}, must be within 1..{MAX_VIEW_SIDE}", field="preprocessing.resize"
        )
    if not 1 <= preprocessing.crop <= preprocessing.resize:
        message = f"is {preprocessing.crop}, must be within 1..{preprocessing.resize} (resize)"
        raise InvalidInput(message, field="preprocessing.crop")
    if preprocessing.interpolation not in _FILTERS:
        raise InvalidInput(f"is {preprocessing.interpolation}, not a known filter", field="preprocessing.interpolation")


def _to_rgb(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I") or image.mode == "F":
        return _scaled_to_8_bits(image).convert("RGB")
    if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image.convert("RGB")


def _scaled_to_8_bits(image: Image.Image) -> Image.Image:
    values = np.asarray(image, dtype=np.float64)
    if not np.isfinite(values).all():
        raise InvalidInput("has pixels that are not finite", field="image.data")
    full_scale = _full_scale(image.mode, float(values.min(initial=0.0)), float(values.max(initial=0.0)))
    return Image.fromarray(np.clip(np.round(values * (255.0 / full_scale)), 0, 255).astype(np.uint8))


def _full_scale(mode: str, least: float, greatest: float) -> float:
    """The value of white."""
    if mode == "F":
        if least < 0 or greatest > _FULL_8_BITS:
            message = f"has floating point pixels within {least:g}..{greatest:g}; they must lie within 0..1 or 0..255"
            raise InvalidInput(message, field="image.data")
        return 1.0 if greatest <= 1.0 else _FULL_8_BITS
    is_8_bits = greatest <= _FULL_8_BITS and not mode.startswith("I;16")
    return _FULL_8_BITS if is_8_bits else _FULL_16_BITS
