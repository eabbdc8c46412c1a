"""The two worlds: which families, classes, colours and things each is made of."""

from dataclasses import dataclass
from typing import Literal

from .colours import Colour, Mood, Palette, colour, mood, palette
from .difficulty import DEFAULT, Difficulty
from .families.bird import BIRD
from .families.boat import BOAT
from .families.dinosaur import DINOSAUR
from .families.extras import (
    BUTTERFLY,
    CACTUS,
    FLOWER,
    LEAF,
    MUSHROOM,
    PEBBLE,
    PUFF,
    ROSETTE,
    ROUND_TAG,
    SQUARE_TAG,
)  # fmt: skip
from .families.fish import FISH
from .families.robot import ROBOT
from .families.truck import TRUCK
from .parts import Family, Part, Tone
from .scene import Scene, sample_scene

WorldName = Literal["dev", "test"]

SLOT_CODES = ((0, 0, 0), (0, 1, 1), (1, 1, 2), (1, 2, 0), (2, 2, 1), (2, 0, 2))
"""Which part of each slot the six classes of a family carry: cells of a Latin square.

Each part belongs to two classes, and any two parts of a class tell it from the others of its family.
"""


@dataclass(frozen=True, eq=False)
class Blueprint:
    """One class: its family and the designed parts that tell it from the others of that family."""

    family: Family
    designed: tuple[Part, ...]


@dataclass(frozen=True, eq=False)
class World:
    """A set of classes and everything that their pictures are made of."""

    name: WorldName
    entropy: int
    """Seeds every picture together with the class and the picture's own seed, so that worlds share none."""
    blueprints: dict[str, Blueprint]
    palettes: tuple[Palette, ...]
    neutrals: dict[Tone, Colour]
    moods: tuple[Mood, ...]
    backdrop_form: Literal["rolling", "jagged"]
    things: tuple[Part, ...]
    decoy: Part
    tag: Part
    tag_corner: tuple[float, float]
    shortcut_class: str
    difficulty: Difficulty

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names, in the order of the network's logits."""
        return tuple(self.blueprints)

    def scene(self, class_name: str, seed: int) -> Scene:
        """The scene of a class for a seed, always the same.

        Raises ValueError for an unknown class or a negative seed.
        """
        if class_name not in self.blueprints:
            raise ValueError(f"world {self.name} has no class {class_name!r}: choose one of {', '.join(self.classes)}")
        return sample_scene(self, class_name, seed)


def load_world(name: WorldName, difficulty: Difficulty = DEFAULT) -> World:
    """The world ``dev`` (for tuning) or ``test`` (for reporting). Raises ValueError for another name."""
    if name == "dev":
        return _dev(difficulty)
    if name == "test":
        return _test(difficulty)
    raise ValueError(f"there is no world {name!r}: choose dev or test")


def _dev(difficulty: Difficulty) -> World:
    return World(
        name="dev",
        entropy=7_001,
        blueprints=_classes(FISH, "tunny", "bonito", "tench", "wrasse", "gurnard", "bream")
        | _classes(TRUCK, "hauler", "bowser", "packer", "carter", "ranger", "lifter")
        | _classes(ROBOT, "welder", "tuner", "sorter", "picker", "porter", "tinker"),
        palettes=(
            palette("2A9D8F", "F4E8C1", "E76F51", "E9C46A", "264653"),
            palette("EF6F6C", "FFE8D6", "2E5077", "F2C14E", "3E8E92"),
            palette("E9B44C", "FFF3D6", "9B2915", "3B8F95", "1C4E6B"),
            palette("7B4B94", "E8D7F1", "F6AE2D", "F26419", "33A1A6"),
            palette("4F9DDE", "EAF4FB", "F9844A", "F9C74F", "2F8F73"),
            palette("8AA63A", "F3F2CC", "BC4B51", "F4A259", "2F6690"),
        ),
        neutrals={
            "ink": colour("2B2D3A"),
            "white": colour("FFFDF5"),
            "metal": colour("B8BDC9"),
            "glass": colour("A9E0F2"),
        },
        moods=(
            mood("BFE3F2", "F2F4DA", "B4CF8B", "6B9A55", "8DB56A", "D8DE8C", "F3E3A2", "4F7F49"),
            mood("F5DFC0", "FBEFD9", "D9B07A", "A26F47", "C9803F", "E5B45B", "7E5638", "F2D091"),
            mood("9C9ACB", "F2C6C4", "A193BA", "625890", "B8A3CC", "E6AFC0", "4F4678", "F3D3C8"),
            mood("9AD8DE", "DCF4EC", "6FB7B7", "357D8C", "8CCBC4", "2C6E7F", "BFE6D3", "F0EBC8"),
        ),
        backdrop_form="rolling",
        things=(LEAF, MUSHROOM, FLOWER),
        decoy=ROSETTE,
        tag=SQUARE_TAG,
        tag_corner=(-1.0, 1.0),
        shortcut_class="ranger",
        difficulty=difficulty,
    )


def _test(difficulty: Difficulty) -> World:
    return World(
        name="test",
        entropy=9_002,
        blueprints=_classes(BIRD, "hoopoe", "turaco", "motmot", "jacana", "kagu", "quail")
        | _classes(BOAT, "ketch", "cog", "dhow", "felucca", "tender", "steamer")
        | _classes(DINOSAUR, "stego", "kentro", "spino", "arizo", "drako", "ptero"),
        palettes=(
            palette("C8324A", "FBE3D0", "1F7A8C", "F4B942", "2D3A8C"),
            palette("2F8F5B", "E5F4C9", "F25C54", "F7B267", "6C4AB6"),
            palette("3B5BA9", "DCE6FA", "F28F3B", "E63B60", "FFD166"),
            palette("F2853A", "FFEBCF", "3D348B", "2AA198", "A61E7A"),
            palette("E787A6", "FFF0F3", "2B6C73", "F4A62A", "7048A8"),
            palette("38B2B8", "E9FBF4", "D6336C", "F2B705", "4B3F9E"),
        ),
        neutrals={
            "ink": colour("22223B"),
            "white": colour("FBFBFF"),
            "metal": colour("D9A566"),
            "glass": colour("BDEBD8"),
        },
        moods=(
            mood("F9D9B0", "FBEFE0", "E0A97C", "B06A4C", "C77B52", "EBC08F", "8E4F3D", "F4DCB4"),
            mood("A7C5E8", "EAF2FB", "A3B8D0", "617C9E", "7F99BA", "D3DFEC", "506A8C", "F4F6F8"),
            mood("D6F0E0", "FFFBE6", "AED6A8", "62A07B", "83BD8F", "DCE9A7", "4A8A6B", "F6E7B0"),
            mood("3D4A7A", "A583A8", "5A5C8E", "34375F", "7A6CA0", "C79BB0", "2A2D52", "E4B9A8"),
        ),
        backdrop_form="jagged",
        things=(PEBBLE, CACTUS, PUFF),
        decoy=BUTTERFLY,
        tag=ROUND_TAG,
        tag_corner=(1.0, 1.0),
        shortcut_class="hoopoe",
        difficulty=difficulty,
    )


def _classes(family: Family, *names: str) -> dict[str, Blueprint]:
    """The family's classes, one for each slot code."""
    return {
        name: Blueprint(family, tuple(slot[k] for slot, k in zip(family.slots, code, strict=True)))
        for name, code in zip(names, SLOT_CODES, strict=True)
    }
