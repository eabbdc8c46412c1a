"""Causal planted parts: ``python -m visum_demo.shapley --world dev``.

For each class, the Shapley value of every part on the network's softmax score of the class: the part's mean
contribution over all orders in which the removable parts of a picture can be put back (Shapley 1953). Each picture is
rendered again for every subset of its parts, so the values are exact. Single removals would miss redundant parts.
"""

import argparse
import time
from collections import defaultdict
from itertools import combinations
from math import factorial

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from .batches import SHAPLEY_SEED, worker_pool
from .network import load_network, predict
from .parts import Kind
from .render import Stage
from .scene import Scene
from .shipped import CausalFigure, save_causal_figures
from .worlds import WorldName, load_world

FEWEST_IMAGES = 30
"""A part that fewer pictures of a class show has no figure there: the corner tag outside its class."""


def shapley_values(scores: dict[frozenset[str], float]) -> dict[str, float]:
    """Exact Shapley values of the players, from the score of every subset of them that is present.

    They sum to the score of all less the score of none. Raises KeyError if a subset is missing.
    """
    players = max(scores, key=len)
    count = len(players)
    values = dict.fromkeys(sorted(players), 0.0)
    for present, score in scores.items():
        for player in players - present:
            weight = factorial(len(present)) * factorial(count - len(present) - 1) / factorial(count)
            values[player] += weight * (scores[present | {player}] - score)
    return values


def scene_shapley(network: torch.nn.Module, scene: Scene, class_index: int) -> dict[str, float]:
    """Shapley value of each removable part of a scene on the softmax score of a class."""
    stage, players = Stage(scene), frozenset(scene.removable)
    subsets = [frozenset(chosen) for size in range(len(players) + 1) for chosen in combinations(sorted(players), size)]
    images = np.stack([stage.image(without=players - present) for present in subsets])
    scores: NDArray[np.float64] = predict(network, images)[:, class_index]
    return shapley_values(dict(zip(subsets, scores.tolist(), strict=True)))


def class_figures(name: WorldName, class_name: str, seeds: range) -> tuple[CausalFigure, ...]:
    """Causal figures of the parts of a class over the pictures of ``seeds``, the largest first."""
    network, world = load_network(name), load_world(name)
    values: dict[str, list[float]] = defaultdict(list)
    kinds: dict[str, Kind] = {}
    for seed in seeds:
        scene = world.scene(class_name, seed)
        kinds |= {item.name: item.kind for item in scene.placed}
        for part, value in scene_shapley(network, scene, world.classes.index(class_name)).items():
            values[part].append(value)
    figures = [_figure(part, kinds[part], found) for part, found in values.items() if len(found) >= FEWEST_IMAGES]
    return tuple(sorted(figures, key=lambda figure: -figure.shapley))


def main() -> None:
    """Parse the command line, measure every class, and write the figures into the package."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--world", choices=("dev", "test"), required=True)
    parser.add_argument("--images", type=int, default=100, help="pictures of each class")
    parser.add_argument("--processes", type=int, default=2)
    options = parser.parse_args()
    seeds = range(SHAPLEY_SEED, SHAPLEY_SEED + options.images)
    started, figures = time.monotonic(), {}
    with worker_pool(options.processes) as pool:
        waiting = {
            name: pool.submit(_in_worker, options.world, name, seeds) for name in load_world(options.world).classes
        }
        for name, answer in waiting.items():
            figures[name] = answer.result()
            parts = ", ".join(f"{figure.part} {figure.shapley:.3f}" for figure in figures[name])
            print(f"{time.monotonic() - started:4.0f} s  {name}: {parts}", flush=True)
    save_causal_figures(options.world, figures)


def _in_worker(name: WorldName, class_name: str, seeds: range) -> tuple[CausalFigure, ...]:
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    return class_figures(name, class_name, seeds)


def _figure(part: str, kind: Kind, values: list[float]) -> CausalFigure:
    error = np.std(values, ddof=1) / np.sqrt(len(values))
    return CausalFigure(part, kind, round(float(np.mean(values)), 4), round(float(error), 4), len(values))


if __name__ == "__main__":
    main()
