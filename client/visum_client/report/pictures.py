"""Parts as the paper draws them: red in their region, the rest of the mask in colour, everything else greyed."""

import base64
import io
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from visum_client.records import Box

Pixels = NDArray[np.uint8]
Coverage = NDArray[np.float32]

# Greyed luminance = GREY_CONTRAST * luminance + GREY_LIFT: pale, so that colour stands out, but still legible.
GREY_CONTRAST = 0.5
GREY_LIFT = 0.38
_RED = np.array([214, 20, 36], dtype=np.float32)
_RED_SHARE = np.float32(0.46)
_OUTLINE_PIXELS = 2  # of the picture
_OUTLINE = np.array([255, 255, 255], dtype=np.float32)
_PART_OUTLINE = np.array([74, 0, 10], dtype=np.float32)  # tells the part from what is red by itself
_LUMINANCE = np.array([0.299, 0.587, 0.114], dtype=np.float32)
_JPEG_QUALITY = 82
_SMOOTHING_VIEW_PIXELS = 1.0
_WINDOW_MARGIN = 0.12  # of the longer side of what is shown
_WINDOW_SHARE_MIN = 0.45  # of the view's shorter side


@dataclass(frozen=True)
class Frame:
    """What of the view a picture shows, and how large."""

    window: Box  # view pixels
    width: int  # pixels of the picture
    height: int

    def __post_init__(self) -> None:
        """Raises ValueError for a window or a picture without pixels."""
        x0, y0, x1, y1 = self.window
        if x0 >= x1 or y0 >= y1 or self.width < 1 or self.height < 1:
            raise ValueError(f"empty frame: {self}")


def draw_part(view: Pixels, regions: NDArray[np.integer], box: Box, region: int, frame: Frame) -> Pixels:
    """Draws a part.

    Args:
        view: uint8 [H, W, 3].
        regions: Region map [H, W]: i inside region i, 0 elsewhere.
        box: The part's box, view pixels.
        region: The region that the part lies in; 0: all that it touches.
        frame: The window to show and the picture's size.

    Returns:
        uint8 [frame.height, frame.width, 3].
    """
    photograph = _resized(view, frame).astype(np.float32)
    salient = _coverage(regions > 0, frame)
    part = _coverage(part_pixels(regions, box, region), frame)
    luminance = np.repeat((photograph @ _LUMINANCE)[..., None], 3, axis=2)
    greyed = np.float32(255 * GREY_LIFT) + np.float32(GREY_CONTRAST) * luminance
    picture = _mixed(greyed, photograph, salient)
    picture = _mixed(picture, np.broadcast_to(_OUTLINE, picture.shape), _outline(salient))
    picture = _mixed(picture, (1 - _RED_SHARE) * luminance + _RED_SHARE * _RED, part)
    picture = _mixed(picture, np.broadcast_to(_PART_OUTLINE, picture.shape), _outline(part))
    return np.clip(np.round(picture), 0, 255).astype(np.uint8)


def part_pixels(regions: NDArray[np.integer], box: Box, region: int) -> NDArray[np.bool_]:
    """Pixels of a part: its box within its region (0: within all regions). Returns bool [H, W]."""
    x0, y0, x1, y1 = (max(0, edge) for edge in box)
    pixels = np.zeros(regions.shape, dtype=np.bool_)
    inside = regions[y0:y1, x0:x1]
    pixels[y0:y1, x0:x1] = inside == region if region else inside > 0
    return pixels


def whole_frame(height: int, width: int, side: int) -> Frame:
    """Shows the whole view, its longer side `side` pixels."""
    return _frame((0, 0, width, height), side)


def close_frame(regions: NDArray[np.integer], box: Box, region: int, side: int) -> Frame:
    """Shows a part with the region around it: square as far as the view allows, its longer side `side` pixels."""
    height, width = regions.shape
    x0, y0, x1, y1 = _united(box, _bounds(regions == region))
    longer = max(x1 - x0, y1 - y0) * (1 + 2 * _WINDOW_MARGIN)
    extent = round(max(longer, _WINDOW_SHARE_MIN * min(height, width)))
    left, right = _interval((x0 + x1) / 2, extent, width)
    top, bottom = _interval((y0 + y1) / 2, extent, height)
    return _frame((left, top, right, bottom), side)


def grey_matrix() -> str:
    """The greying of `draw_part` as the values of an SVG feColorMatrix."""
    row = " ".join(f"{GREY_CONTRAST * weight:.4f}" for weight in _LUMINANCE) + f" 0 {GREY_LIFT}"
    return f"{row} {row} {row} 0 0 0 1 0"


def shrink(picture: Pixels, side: int) -> Pixels:
    """Resizes uint8 [H, W, 3] so that its longer side is `side` pixels."""
    height, width, _ = picture.shape
    return _resized(picture, whole_frame(height, width, side))


def to_data_uri(picture: Pixels) -> str:
    """Encodes uint8 [H, W, 3] as a JPEG in a data URI."""
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, format="JPEG", quality=_JPEG_QUALITY, optimize=True)
    return jpeg_data_uri(buffer.getvalue())


def jpeg_data_uri(jpeg: bytes) -> str:
    """A data URI of an encoded JPEG."""
    return "data:image/jpeg;base64," + base64.b64encode(jpeg).decode("ascii")


def _frame(window: Box, side: int) -> Frame:
    x0, y0, x1, y1 = window
    scale = side / max(x1 - x0, y1 - y0)
    return Frame(window, max(1, round((x1 - x0) * scale)), max(1, round((y1 - y0) * scale)))


def _bounds(pixels: NDArray[np.bool_]) -> Box | None:
    rows, columns = np.flatnonzero(pixels.any(axis=1)), np.flatnonzero(pixels.any(axis=0))
    if not rows.size:
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _united(a: Box, b: Box | None) -> Box:
    if b is None:
        return a
    return min(a[0], b[0]), min(a[1], b[1]), max(a[2], b[2]), max(a[3], b[3])


def _interval(centre: float, extent: int, limit: int) -> tuple[int, int]:
    extent = min(extent, limit)
    start = min(max(0, round(centre - extent / 2)), limit - extent)
    return start, start + extent


def _resized(view: Pixels, frame: Frame) -> Pixels:
    image = Image.fromarray(view).resize((frame.width, frame.height), Image.Resampling.LANCZOS, box=frame.window)
    return np.asarray(image)


def _coverage(pixels: NDArray[np.bool_], frame: Frame) -> Coverage:
    """Share of each picture pixel inside. Enlarged, the stairs of view pixels are smoothed away."""
    scale = frame.width / (frame.window[2] - frame.window[0])
    mask = Image.fromarray(pixels.astype(np.uint8) * 255)
    if scale > 1:
        mask = mask.filter(ImageFilter.GaussianBlur(_SMOOTHING_VIEW_PIXELS))
    smooth = mask.resize((frame.width, frame.height), Image.Resampling.BICUBIC, box=frame.window)
    signed = np.asarray(smooth, dtype=np.float32) / 255 - 0.5
    return np.clip(signed * max(1.0, 2 * scale) + 0.5, 0, 1).astype(np.float32)


def _outline(salient: Coverage) -> Coverage:
    """A line around the mask, outside it, so that the mask's own pixels stay as they are."""
    rows = np.pad(salient, ((_OUTLINE_PIXELS, _OUTLINE_PIXELS), (0, 0)))
    tall = np.max(np.lib.stride_tricks.sliding_window_view(rows, 2 * _OUTLINE_PIXELS + 1, axis=0), axis=-1)
    columns = np.pad(tall, ((0, 0), (_OUTLINE_PIXELS, _OUTLINE_PIXELS)))
    grown = np.max(np.lib.stride_tricks.sliding_window_view(columns, 2 * _OUTLINE_PIXELS + 1, axis=1), axis=-1)
    return np.asarray(grown - salient, dtype=np.float32)


def _mixed(below: NDArray[np.float32], above: NDArray[np.float32], coverage: Coverage) -> NDArray[np.float32]:
    return (below + (above - below) * coverage[..., None]).astype(np.float32)
