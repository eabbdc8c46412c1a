"""Rendering: from a scene to its picture and to the pixels of each part."""

from collections.abc import Collection
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from .backdrop import paint_backdrop
from .geometry import Outline, shift, transform
from .parts import REMOVABLE_KINDS, Layer
from .raster import Element, Pixels, blurred, resized, tone_pixel
from .scene import Light, Placed, Scene

SIDE_PX = 128
OVERSAMPLING = 2
WORK_PX = SIDE_PX * OVERSAMPLING
SUBPIXEL_BITS = 4
RELIEF_SHARE = 0.09
"""Width of the rounded edge of a solid, as a share of the square root of its bounding box."""
RELIEF_GAIN = 0.5
RIM_BLUR_PX = 1.0
OUTLINE_SHADE = 0.52
"""Intensity of a solid's rim relative to its inside."""
LIGHT_FROM = (0.5, 0.85)
"""Direction of growing brightness is up and to the left: weights of the relief's slope along x and y."""
SHADOW_PX = SIDE_PX // 2
"""Side at which the body's shadow is blurred and moved."""
SHADOW_BLUR_PX = 3.0
SHADOW_SHIFT_PX = (0.5, 2.0)
SHADOW_OPACITY = 0.32


@dataclass(frozen=True, eq=False)
class Rendering:
    """A picture and the truth about it.

    ``image`` is uint8 RGB [128, 128, 3]. ``part_masks`` holds, for the body and every part in the picture, the pixels
    [128, 128] on which it is what one sees: its filled outline less what hides it. The masks are disjoint.
    """

    image: NDArray[np.uint8]
    part_masks: dict[str, NDArray[np.bool_]]


@dataclass(frozen=True, eq=False)
class _Patch:
    """One painted part: colours [h, w, 3] and coverage [h, w] in [0, 1], at (left, top) of the working canvas."""

    left: int
    top: int
    colours: Pixels
    cover: Pixels

    def on(self, canvas: NDArray[Element]) -> NDArray[Element]:
        """The window of ``canvas`` that the patch covers."""
        height, width = self.cover.shape
        return canvas[self.top : self.top + height, self.left : self.left + width]


class Stage:
    """A scene painted once, from which pictures with any parts left out follow cheaply."""

    def __init__(self, scene: Scene) -> None:
        """Paint every part and the background."""
        self._scene = scene
        self._patches = [(item, _paint(item)) for item in scene.placed]
        canvas = resized(paint_backdrop(scene.backdrop, SIDE_PX), WORK_PX)
        for item, patch in self._patches:
            if item.kind == "body" and patch is not None:
                _cast_shadow(canvas, patch)
        self._background = canvas
        self._gain, self._tint, self._noise = _gain(scene.light), tone_pixel(scene.light.tint), _noise(scene.light)

    def image(self, without: Collection[str] = ()) -> NDArray[np.uint8]:
        """The picture, uint8 RGB [128, 128, 3].

        Raises ValueError if ``without`` names something that is not a removable part of the scene.
        """
        canvas = self._background.copy()
        for _, patch in self._kept(without):
            window = patch.on(canvas)
            window += patch.cover[..., None] * (patch.colours - window)
        # Light and noise act on each pixel alone, so that a part left out changes no pixel but its own.
        exposed = resized(canvas, SIDE_PX, cv2.INTER_AREA) * self._gain * self._tint + self._noise
        return np.asarray(np.clip(np.round(exposed * 255.0), 0, 255), np.uint8)

    def part_masks(self, without: Collection[str] = ()) -> dict[str, NDArray[np.bool_]]:
        """The pixels [128, 128] of the body and of each part that is left; raises as ``image`` does."""
        kept = self._kept(without)
        names = [item.name for item, _ in kept if item.kind == "body" or item.kind in REMOVABLE_KINDS]
        owner = np.zeros((WORK_PX, WORK_PX), np.uint8)
        for item, patch in kept:
            patch.on(owner)[patch.cover > 0.5] = names.index(item.name) + 1 if item.name in names else 0
        label = _majority(owner, len(names) + 1)
        return {name: label == number for number, name in enumerate(names, start=1)}

    def _kept(self, without: Collection[str]) -> list[tuple[Placed, _Patch]]:
        unknown = set(without) - set(self._scene.removable)
        if unknown:
            raise ValueError(f"not a removable part of this scene: {', '.join(sorted(unknown))}")
        return [(item, patch) for item, patch in self._patches if patch is not None and item.name not in without]


def render(scene: Scene, without: Collection[str] = frozenset()) -> Rendering:
    """Picture and masks of a scene, the named parts left out and everything else as it was.

    Raises ValueError if ``without`` names something that is not a removable part of the scene.
    """
    stage = Stage(scene)
    return Rendering(stage.image(without), stage.part_masks(without))


def _paint(item: Placed) -> _Patch | None:
    """The part on its own, or None if it lies outside the picture."""
    matrix = item.matrix * (WORK_PX / 100.0)
    placed = [(layer, [transform(outline, matrix) for outline in layer.outlines]) for layer in item.part.layers]
    points = np.concatenate([outline for layer, outlines in placed if layer.relief for outline in outlines])
    low = np.clip(np.floor(points.min(axis=0)).astype(int) - 2, 0, WORK_PX)
    high = np.clip(np.ceil(points.max(axis=0)).astype(int) + 3, 0, WORK_PX)
    width, height = high - low
    if width <= 0 or height <= 0:
        return None
    colours, cover = np.zeros((height, width, 3), np.float32), np.zeros((height, width), np.float32)
    patch, tones = _Patch(int(low[0]), int(low[1]), colours, cover), dict(item.tones)
    for layer, outlines in placed:
        tone = tone_pixel(tones[layer.tone]) * np.float32(layer.shade)
        _paint_layer(patch, layer, tone, [outline - low for outline in outlines])
    return patch


def _paint_layer(patch: _Patch, layer: Layer, tone: Pixels, outlines: list[Outline]) -> None:
    """Add a layer to a part: a solid widens its outline, a marking stays within it."""
    points = np.concatenate(outlines)
    left, top = np.maximum(np.floor(points.min(axis=0)).astype(int) - 1, 0)
    right, bottom = np.maximum(np.ceil(points.max(axis=0)).astype(int) + 2, 0)
    colours, cover = patch.colours[top:bottom, left:right], patch.cover[top:bottom, left:right]
    if cover.size == 0:
        return
    own = _coverage([outline - (left, top) for outline in outlines], cover.shape)
    if not layer.relief:
        colours += own[..., None] * (tone - colours)
        return
    cover += own * (1.0 - cover)
    share = own / np.maximum(cover, 1e-6)
    colours += share[..., None] * (tone * _relief(own)[..., None] - colours)


def _majority(owner: NDArray[np.uint8], count: int) -> NDArray[np.uint8]:
    """Labels [256, 256] in [0, count) as [128, 128]: the most frequent one of each cell, the highest of equals."""
    label = np.zeros((SIDE_PX, SIDE_PX), np.uint8)
    most = label.copy()
    for number in range(count):
        votes = resized(np.uint8(60) * (owner == number), SIDE_PX, cv2.INTER_AREA)
        label[(votes >= most) & (votes > 0)] = number
        np.maximum(most, votes, out=most)
    return label


def _coverage(outlines: list[Outline], shape: tuple[int, ...]) -> Pixels:
    """Share of each pixel that the outlines cover, antialiased, float32 [height, width]."""
    cover = np.zeros(shape[:2], np.uint8)
    for outline in outlines:
        points = np.round(outline * (1 << SUBPIXEL_BITS)).astype(np.int32)
        cv2.fillPoly(cover, [points], 255, cv2.LINE_AA, SUBPIXEL_BITS)
    return cover.astype(np.float32) / np.float32(255.0)


def _relief(own: Pixels) -> Pixels:
    """Intensity [height, width] of a rounded solid under light from the top left, with a darker rim."""
    height, width = own.shape
    sigma = max(1.2, RELIEF_SHARE * float(np.sqrt(height * width)))
    padded = np.pad(own, 2)
    dome = blurred(padded, sigma, cv2.BORDER_CONSTANT)
    rise_x, rise_y = cv2.Sobel(dome, cv2.CV_32F, 1, 0, scale=0.125), cv2.Sobel(dome, cv2.CV_32F, 0, 1, scale=0.125)
    slope = LIGHT_FROM[0] * rise_x + LIGHT_FROM[1] * rise_y
    rim = blurred(padded, RIM_BLUR_PX, cv2.BORDER_CONSTANT)
    edge = np.clip(2.0 * rim - 1.0, 0.0, 1.0)
    shade = (1.0 + RELIEF_GAIN * sigma * slope) * (OUTLINE_SHADE + (1.0 - OUTLINE_SHADE) * np.sqrt(edge))
    return np.asarray(shade[2:-2, 2:-2], np.float32)


def _cast_shadow(canvas: Pixels, body: _Patch) -> None:
    """Darken the background softly around and below the body, which is never left out."""
    shadow = np.zeros(canvas.shape[:2], np.float32)
    np.copyto(body.on(shadow), body.cover)
    soft = blurred(resized(shadow, SHADOW_PX, cv2.INTER_AREA), SHADOW_BLUR_PX)
    lowered = cv2.warpAffine(soft, shift(*SHADOW_SHIFT_PX), (SHADOW_PX, SHADOW_PX))
    canvas *= 1.0 - SHADOW_OPACITY * resized(np.asarray(lowered, np.float32), WORK_PX)[..., None]


def _gain(light: Light) -> Pixels:
    """Intensity of the light [128, 128, 1]."""
    ramp = np.linspace(-1.0, 1.0, SIDE_PX, dtype=np.float32)
    field = light.gain + light.slope[0] * ramp[None, :] + light.slope[1] * ramp[:, None]
    return field[..., None]


def _noise(light: Light) -> Pixels:
    """Noise of the sensor [128, 128, 3]."""
    rng = np.random.default_rng(light.noise_seed)
    return np.float32(light.noise) * rng.standard_normal((SIDE_PX, SIDE_PX, 3), dtype=np.float32)
