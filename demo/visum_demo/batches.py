"""Many pictures at once, rendered by several processes."""

from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

import cv2
import numpy as np
from numpy.typing import NDArray

from .render import SIDE_PX, Stage
from .worlds import World, WorldName, load_world

CHUNK = 64

TRAINING_SEED = 0
EVALUATION_SEED = 1_000_000
SHAPLEY_SEED = 2_000_000
SHIPPED_SEED = 3_000_000
"""First seed of each use of a world, far enough from the next that no two uses share a picture."""


@dataclass(frozen=True)
class Task:
    """One picture of a world's default difficulty: each removable part is left out with probability ``drop_share``."""

    class_index: int
    seed: int
    drop_share: float = 0.0


def render_batch(name: WorldName, tasks: Sequence[Task], processes: int) -> NDArray[np.uint8]:
    """Pictures uint8 [N, 128, 128, 3] of the tasks, in their order."""
    images = np.empty((len(tasks), SIDE_PX, SIDE_PX, 3), np.uint8)
    chunks = [(name, tasks[k : k + CHUNK]) for k in range(0, len(tasks), CHUNK)]
    with worker_pool(processes) as pool:
        for k, chunk in enumerate(pool.map(_render_chunk, chunks)):
            images[k * CHUNK : k * CHUNK + len(chunk)] = chunk
    return images


def worker_pool(processes: int) -> ProcessPoolExecutor:
    """Fresh processes that each use one thread."""
    return ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=cv2.setNumThreads, initargs=(1,))


def dropped_parts(removable: Iterable[str], drop_share: float, rng: np.random.Generator) -> frozenset[str]:
    """A random choice of parts, each with probability ``drop_share``."""
    return frozenset(name for name in removable if rng.random() < drop_share)


def _render_chunk(chunk: tuple[WorldName, Sequence[Task]]) -> NDArray[np.uint8]:
    world = load_world(chunk[0])
    return np.stack([_render_task(world, task) for task in chunk[1]])


def _render_task(world: World, task: Task) -> NDArray[np.uint8]:
    scene = world.scene(world.classes[task.class_index], task.seed)
    rng = np.random.default_rng([task.class_index, task.seed])
    return Stage(scene).image(dropped_parts(scene.removable, task.drop_share, rng))
