"""The planted-parts world: pictures of articulated objects whose distinguishing parts are known by construction."""

from .difficulty import DEFAULT, EASY, HARD, Difficulty
from .render import Rendering, render
from .scene import Scene
from .truth import planted_part
from .worlds import World, load_world

__all__ = [
    "DEFAULT",
    "EASY",
    "HARD",
    "Difficulty",
    "Rendering",
    "Scene",
    "World",
    "load_world",
    "planted_part",
    "render",
]
