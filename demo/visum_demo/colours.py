"""Colours: palettes of the objects, moods of the backgrounds."""

import colorsys
from dataclasses import dataclass

Colour = tuple[float, float, float]
"""Red, green, blue, each in [0, 1]."""


@dataclass(frozen=True)
class Palette:
    """Colours of one object; ``accents`` are dealt to the slots in random order."""

    body: Colour
    belly: Colour
    accents: tuple[Colour, Colour, Colour]


@dataclass(frozen=True)
class Mood:
    """Colours of one background, from the sky above to the ground near by."""

    sky_high: Colour
    sky_low: Colour
    ground_far: Colour
    ground_near: Colour
    flecks: tuple[Colour, ...]


def colour(code: str) -> Colour:
    """The colour of a code such as ``2A9D8F``."""
    red, green, blue = (int(code[k : k + 2], 16) / 255.0 for k in (0, 2, 4))
    return red, green, blue


def palette(body: str, belly: str, *accents: str) -> Palette:
    """Palette from colour codes."""
    first, second, third = accents
    return Palette(colour(body), colour(belly), (colour(first), colour(second), colour(third)))


def mood(sky_high: str, sky_low: str, ground_far: str, ground_near: str, *flecks: str) -> Mood:
    """Mood from colour codes."""
    high, low, far, near = map(colour, (sky_high, sky_low, ground_far, ground_near))
    return Mood(high, low, far, near, tuple(map(colour, flecks)))


def varied(base: Colour, hue_deg: float, lightness: float) -> Colour:
    """The colour, its hue turned by ``hue_deg`` and its intensity multiplied by ``lightness`` (at most to 1)."""
    hue, saturation, value = colorsys.rgb_to_hsv(*base)
    return colorsys.hsv_to_rgb((hue + hue_deg / 360.0) % 1.0, saturation, min(1.0, value * lightness))
