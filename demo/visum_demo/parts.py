"""What an object is made of: layers of outlines, parts of layers, families of parts.

Coordinates are hundredths of the picture's side around the object's own origin, x right, y down; the object faces
right.
"""

from dataclasses import dataclass
from typing import Literal

from .geometry import Outline

Tone = Literal["body", "belly", "first", "second", "third", "ink", "white", "metal", "glass"]
Kind = Literal["body", "designed", "shared", "decoy", "shortcut", "distractor", "occluder"]
REMOVABLE_KINDS: frozenset[Kind] = frozenset({"designed", "shared", "decoy", "shortcut"})


@dataclass(frozen=True, eq=False)
class Layer:
    """Outlines painted at once in one tone.

    A layer with ``relief`` is shaded as a rounded solid and belongs to the part's own outline; one without is a marking
    on the layers below and is cut off where they end. ``shade`` multiplies the tone.
    """

    outlines: tuple[Outline, ...]
    tone: Tone
    relief: bool = True
    shade: float = 1.0


@dataclass(frozen=True, eq=False)
class Part:
    """A named piece that turns about its joint.

    ``depth`` orders the pieces of an object from back (negative) to front, the body being at 0.
    """

    name: str
    layers: tuple[Layer, ...]
    joint: tuple[float, float] = (0.0, 0.0)
    swing_deg: float = 8.0
    depth: int = 1


@dataclass(frozen=True, eq=False)
class Family:
    """Classes that share a body and default parts.

    ``slots`` lists, for each place of the object that varies, the parts that can sit there.
    """

    name: str
    body: Part
    shared: tuple[Part, ...]
    slots: tuple[tuple[Part, ...], ...]
    decoy_place: tuple[float, float]


def solid(tone: Tone, *outlines: Outline, shade: float = 1.0) -> Layer:
    """A shaded layer of the part's own outline."""
    return Layer(outlines, tone, True, shade)


def marking(tone: Tone, *outlines: Outline, shade: float = 1.0) -> Layer:
    """A flat layer on top of the solid ones, cut off where they end."""
    return Layer(outlines, tone, False, shade)
