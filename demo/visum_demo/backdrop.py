"""Backgrounds: a sky, ridges that fade with distance, flecks of vegetation or light, all slightly out of focus."""

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np

from .colours import Colour, Mood, varied
from .raster import Pixels, blurred, resized, tone_pixel

Form = Literal["rolling", "jagged"]

MOST_FLECKS = 70
"""Flecks at clutter 1."""
FOCUS_BLUR_PX = 0.9
RIDGE_KNOTS = {"rolling": 5, "jagged": 11}
RIDGE_AMPLITUDE = {"rolling": 0.05, "jagged": 0.075}


@dataclass(frozen=True)
class Backdrop:
    """A background; ``seed`` fixes what the other fields leave open."""

    mood: Mood
    form: Form
    horizon: float
    """Height of the farthest ridge, as a share of the picture's side from the top."""
    ridges: int
    clutter: float
    seed: int


@dataclass(frozen=True)
class _Fleck:
    """An ellipse of one colour; centre and half axes in pixels."""

    centre: tuple[float, float]
    axes: tuple[float, float]
    tilt_deg: float
    tone: Colour
    opacity: float


def sample_backdrop(rng: np.random.Generator, moods: tuple[Mood, ...], form: Form, clutter: float) -> Backdrop:
    """A background in one of ``moods``, its colours varied."""
    base = moods[rng.integers(len(moods))]
    hue_deg, lightness = rng.normal(0.0, 6.0), rng.uniform(0.94, 1.05)

    def vary(tone: Colour) -> Colour:
        return varied(tone, hue_deg, lightness)

    mood = Mood(
        vary(base.sky_high),
        vary(base.sky_low),
        vary(base.ground_far),
        vary(base.ground_near),
        tuple(map(vary, base.flecks)),
    )
    return Backdrop(mood, form, rng.uniform(0.25, 0.6), int(rng.integers(2, 5)), clutter, int(rng.integers(2**31)))


def paint_backdrop(backdrop: Backdrop, side: int) -> Pixels:
    """The background as RGB float32 [side, side, 3] in [0, 1]."""
    rng = np.random.default_rng(backdrop.seed)
    canvas = _sky(rng, backdrop.mood, side)
    for k in range(backdrop.ridges):
        _paint_ridge(rng, canvas, backdrop, k)
    _paint_flecks(rng, canvas, backdrop)
    canvas = blurred(canvas, FOCUS_BLUR_PX * side / 128)
    grain = 1.0 + 0.018 * value_noise(rng, 12, side) + 0.015 * value_noise(rng, 50, side)
    return np.clip(canvas * grain[..., None], 0.0, 1.0)


def value_noise(rng: np.random.Generator, cells: int, side: int) -> Pixels:
    """Smooth noise float32 [side, side] of zero mean and about unit deviation, with ``cells`` bumps along each side."""
    coarse = rng.standard_normal((cells, cells), dtype=np.float32)
    return resized(coarse, side, cv2.INTER_CUBIC)


def _sky(rng: np.random.Generator, mood: Mood, side: int) -> Pixels:
    """Vertical gradient with soft clouds."""
    height = np.linspace(0.0, 1.0, side, dtype=np.float32)[:, None, None]
    sky = (1.0 - height) * tone_pixel(mood.sky_high) + height * tone_pixel(mood.sky_low)
    clouds = np.clip(value_noise(rng, 4, side) + 0.4 * value_noise(rng, 9, side), 0.0, 1.5)[..., None] * 0.4
    return np.ascontiguousarray(sky * (1.0 - clouds) + clouds * tone_pixel(mood.sky_low) * 1.02)


def _paint_ridge(rng: np.random.Generator, canvas: Pixels, backdrop: Backdrop, k: int) -> None:
    """The k-th ridge from the back, textured, in a colour between far and near ground."""
    side, near = len(canvas), k / max(1, backdrop.ridges - 1)
    knots = RIDGE_KNOTS[backdrop.form]
    coarse = rng.standard_normal((1, knots), dtype=np.float32)
    interpolation = cv2.INTER_CUBIC if backdrop.form == "rolling" else cv2.INTER_LINEAR
    profile = cv2.resize(coarse, (side, 1), interpolation=interpolation)[0]
    level = backdrop.horizon + (0.95 - backdrop.horizon) * near * 0.85 + RIDGE_AMPLITUDE[backdrop.form] * profile
    tone = (1.0 - near) * tone_pixel(backdrop.mood.ground_far) + near * tone_pixel(backdrop.mood.ground_near)
    below = np.clip(np.arange(side, dtype=np.float32)[:, None] - side * level[None, :] + 0.5, 0.0, 1.0)
    texture = 1.0 + 0.05 * value_noise(rng, 9, side) + 0.05 * value_noise(rng, 26, side)
    canvas += below[..., None] * (texture[..., None] * tone - canvas)


def _paint_flecks(rng: np.random.Generator, canvas: Pixels, backdrop: Backdrop) -> None:
    """Discs (rolling) or blades (jagged), larger towards the bottom."""
    side = len(canvas)
    for _ in range(rng.binomial(MOST_FLECKS, backdrop.clutter)):
        x, depth = rng.uniform(0, side), rng.uniform(0.0, 1.0)
        y = side * (backdrop.horizon - 0.08 + (1.1 - backdrop.horizon) * depth)
        size = side * (0.010 + 0.032 * depth) * rng.uniform(0.5, 1.4)
        base = backdrop.mood.flecks[rng.integers(len(backdrop.mood.flecks))]
        red, green, blue = (value * rng.uniform(0.85, 1.1) for value in base)
        axes = (size, size * 0.85) if backdrop.form == "rolling" else (size * 1.9, size * 0.42)
        tilt = rng.uniform(-20, 20) if backdrop.form == "rolling" else rng.uniform(40, 140)
        _paint_fleck(canvas, _Fleck((x, y), axes, tilt, (red, green, blue), rng.uniform(0.45, 0.85)))


def _paint_fleck(canvas: Pixels, fleck: _Fleck) -> None:
    """Blend a fleck into the canvas."""
    (x, y), (major, minor) = fleck.centre, fleck.axes
    reach = int(max(major, minor)) + 2
    left, top = max(0, int(x) - reach), max(0, int(y) - reach)
    window = canvas[top : int(y) + reach, left : int(x) + reach]
    if window.size == 0:
        return
    cover = np.zeros(window.shape[:2], np.uint8)
    cv2.ellipse(cover, ((x - left, y - top), (2 * major, 2 * minor), fleck.tilt_deg), 255, -1, cv2.LINE_AA)
    window += (cover[..., None] * np.float32(fleck.opacity / 255.0)) * (tone_pixel(fleck.tone) - window)
