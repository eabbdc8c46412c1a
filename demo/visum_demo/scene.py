"""Sampling: from a world, a class and a seed to a scene, which defines a picture completely."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from .backdrop import Backdrop, sample_backdrop
from .colours import Colour, Palette, varied
from .difficulty import Difficulty
from .geometry import Affine, Outline, compose, rotation, scaling, shift, transform
from .parts import REMOVABLE_KINDS, Family, Kind, Part, Tone

if TYPE_CHECKING:
    from .worlds import Blueprint, World

FULL_SCALE = 0.93
"""Size of the object at which one unit of its coordinates is this share of a hundredth of the picture's side."""
MARGIN = 2.0
"""Hundredths of the picture's side that stay free around the object."""
DECOY_SHARE = 0.5
SHORTCUT_SHARE = 0.95
SHORTCUT_ELSEWHERE_SHARE = 0.03
TAG_INSET = 39.0
"""Distance of the corner tag from the picture's centre along each axis, in hundredths of the side."""
HUE_JITTER_DEG = 5.0
MOST_THINGS = 10
"""Things that lie about in the background at clutter 1."""


@dataclass(frozen=True)
class Placed:
    """A part with its colours, at its place in the picture.

    ``affine`` holds the six numbers of the map from the part's coordinates to hundredths of the picture's side, from
    its top left.
    """

    part: Part
    kind: Kind
    affine: tuple[float, ...]
    tones: tuple[tuple[Tone, Colour], ...]

    @property
    def name(self) -> str:
        """Name of the part."""
        return self.part.name

    @property
    def matrix(self) -> Affine:
        """The affine map [2, 3]."""
        return np.array(self.affine).reshape(2, 3)


@dataclass(frozen=True)
class Light:
    """What light and sensor do to the whole picture."""

    gain: float
    tint: Colour
    slope: tuple[float, float]
    noise: float
    noise_seed: int


@dataclass(frozen=True)
class Scene:
    """Everything that defines a picture; ``placed`` runs from back to front."""

    world: str
    class_name: str
    seed: int
    backdrop: Backdrop
    placed: tuple[Placed, ...]
    light: Light

    @property
    def removable(self) -> tuple[str, ...]:
        """Names of the parts that can be left out."""
        return tuple(item.name for item in self.placed if item.kind in REMOVABLE_KINDS)


def sample_scene(world: World, class_name: str, seed: int) -> Scene:
    """The scene of a class of the world for a seed: always the same. Raises ValueError for a negative seed."""
    blueprint = world.blueprints[class_name]
    rng = np.random.default_rng([world.entropy, world.classes.index(class_name), seed])
    setting = world.difficulty
    tones = _sample_tones(rng, world)
    family = _sample_family(rng, blueprint.family, setting, tones)
    pose = _sample_pose(rng, family, setting)
    extras = _sample_extras(rng, world, class_name)
    placed = [_moved(item, pose) for item in family if item.kind != "designed" or item.part in blueprint.designed]
    if extras.decoy:
        placed.append(_decoy(rng, world, blueprint, pose, tones))
    placed.sort(key=lambda item: item.part.depth)
    tag = [_tag(rng, world, tones)] if extras.tag else []
    behind, ahead = _sample_things(rng, world)
    backdrop = sample_backdrop(rng, world.moods, world.backdrop_form, setting.clutter)
    return Scene(world.name, class_name, seed, backdrop, (*behind, *placed, *ahead, *tag), _sample_light(rng, setting))


@dataclass(frozen=True)
class _Extras:
    decoy: bool
    tag: bool


def _sample_extras(rng: np.random.Generator, world: World, class_name: str) -> _Extras:
    """Whether decoy and corner tag are in the picture."""
    share = SHORTCUT_SHARE if class_name == world.shortcut_class else SHORTCUT_ELSEWHERE_SHARE
    return _Extras(decoy=bool(rng.random() < DECOY_SHARE), tag=bool(rng.random() < share))


def _sample_tones(rng: np.random.Generator, world: World) -> dict[Tone, Colour]:
    """Colours of the object: a palette of the world, varied, its accents dealt to the slots in random order."""
    palette: Palette = world.palettes[rng.integers(len(world.palettes))]
    accents = [palette.accents[k] for k in rng.permutation(len(palette.accents))]
    chosen: dict[Tone, Colour] = dict(
        zip(("body", "belly", "first", "second", "third"), (palette.body, palette.belly, *accents), strict=True)
    )
    return dict(world.neutrals) | {
        tone: varied(base, rng.normal(0.0, HUE_JITTER_DEG), rng.uniform(0.92, 1.08)) for tone, base in chosen.items()
    }


def _sample_family(
    rng: np.random.Generator, family: Family, setting: Difficulty, tones: dict[Tone, Colour]
) -> list[Placed]:
    """Body, shared parts and all designed parts of a family in the object's own coordinates, turned about their joints.

    The parts of one slot share their turn and size, relative to what each allows.
    """
    placed = [_placed(family.body, "body", shift(0.0, 0.0), tones)]
    slots: list[tuple[Kind, tuple[Part, ...]]] = [("shared", (part,)) for part in family.shared]
    slots += [("designed", slot) for slot in family.slots]
    for kind, slot in slots:
        swing, size = rng.uniform(-1.0, 1.0) * setting.joints, rng.uniform(0.95, 1.05) * setting.part_size
        for part in slot:
            local = (shift(*part.joint), rotation(swing * part.swing_deg), scaling(size))
            placed.append(_placed(part, kind, compose(*local, shift(-part.joint[0], -part.joint[1])), tones))
    return placed


def _sample_pose(rng: np.random.Generator, family: list[Placed], setting: Difficulty) -> Affine:
    """Map from object to picture: flip, turn, scale, and a place at which the whole object is inside the picture.

    Whatever parts the object has, there is room for all that its family could have: otherwise the place of the body
    would tell which parts it has, even where these are left out.
    """
    mirror = -1.0 if rng.random() < setting.flip_share else 1.0
    turn = rng.uniform(-setting.turn_deg, setting.turn_deg)
    scale = FULL_SCALE * rng.uniform(1.0 - setting.scale_span, 1.0 + setting.scale_span)
    pose = compose(rotation(turn), scaling(mirror * scale, scale))
    points = np.concatenate([transform(_solid_points(item.part), compose(pose, item.matrix)) for item in family])
    low, high = points.min(axis=0), points.max(axis=0)
    shrink = min(1.0, *((100.0 - 2 * MARGIN) / (high - low)))
    slack = 100.0 - 2 * MARGIN - shrink * (high - low)
    corner = MARGIN + slack * rng.uniform(0.2, 0.8, size=2)
    return compose(shift(*(corner - shrink * low)), scaling(shrink), pose)


def _solid_points(part: Part) -> Outline:
    """All points [n, 2] of a part's own outline."""
    return np.concatenate([outline for layer in part.layers if layer.relief for outline in layer.outlines])


def _decoy(
    rng: np.random.Generator, world: World, blueprint: Blueprint, pose: Affine, tones: dict[Tone, Colour]
) -> Placed:
    """The decoy at its place on the body."""
    place = np.array(blueprint.family.decoy_place) + rng.uniform(-1.5, 1.5, size=2)
    turn = rng.uniform(-world.decoy.swing_deg, world.decoy.swing_deg)
    local = compose(pose, shift(*place), rotation(turn), scaling(world.difficulty.part_size))
    return _placed(world.decoy, "decoy", local, tones)


def _tag(rng: np.random.Generator, world: World, tones: dict[Tone, Colour]) -> Placed:
    """The tag near its corner of the picture, wherever the object is."""
    place = 50.0 + np.array(world.tag_corner) * (TAG_INSET + rng.uniform(-1.0, 1.0, size=2))
    turn = rng.uniform(-world.tag.swing_deg, world.tag.swing_deg)
    return _placed(world.tag, "shortcut", compose(shift(*place), rotation(turn)), tones)


def _sample_things(rng: np.random.Generator, world: World) -> tuple[list[Placed], list[Placed]]:
    """Things that lie about: behind the object, and in front of its lower edge."""
    count = rng.binomial(MOST_THINGS, world.difficulty.clutter)
    behind = [_thing(rng, world, "distractor", rng.uniform(3, 97, size=2)) for _ in range(count)]
    occluded = rng.random() < world.difficulty.occlusion_share
    ahead = [_thing(rng, world, "occluder", rng.uniform((10, 84), (90, 98)))] if occluded else []
    return behind, ahead


def _thing(rng: np.random.Generator, world: World, kind: Kind, place: np.ndarray) -> Placed:
    """One thing of the world at a place, with colours of its own."""
    part = world.things[rng.integers(len(world.things))]
    size = rng.uniform(0.45, 0.95) if kind == "distractor" else rng.uniform(0.9, 1.3)
    turn = rng.uniform(-part.swing_deg, part.swing_deg)
    return _placed(part, kind, compose(shift(*place), rotation(turn), scaling(size)), _sample_tones(rng, world))


def _sample_light(rng: np.random.Generator, setting: Difficulty) -> Light:
    """Exposure, colour of the light, its fall-off over the picture, and the sensor's noise."""
    warmth = rng.uniform(-0.04, 0.04)
    slope = rng.uniform(-0.08, 0.08, size=2)
    tint = (1.0 + warmth, 1.0, 1.0 - warmth)
    return Light(
        rng.uniform(0.9, 1.06), tint, (float(slope[0]), float(slope[1])), setting.noise, int(rng.integers(2**31))
    )


def _placed(part: Part, kind: Kind, affine: Affine, tones: dict[Tone, Colour]) -> Placed:
    return Placed(part, kind, tuple(affine.ravel().tolist()), tuple(tones.items()))


def _moved(item: Placed, pose: Affine) -> Placed:
    return replace(item, affine=tuple(compose(pose, item.matrix).ravel().tolist()))
