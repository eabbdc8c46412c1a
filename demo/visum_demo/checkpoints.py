"""Train several networks of a world and keep each epoch: ``python -m visum_demo.checkpoints --out checkpoints``.

Writes exported programs with their cards, and the accuracy of each in ``accuracies.json``. The same command goes on
where it was. They are networks of one architecture and one set of pictures that differ in how much they have learned.
"""

import argparse
import json
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from .network import PartsNetwork
from .shipped import stem, write_json
from .train import DROP_SHARE, fresh_pictures, share_right, train, training_pictures, write_network
from .worlds import WorldName, load_world

ACCURACIES = "accuracies.json"
"""Accuracy of each checkpoint, by name: the share of fresh pictures that it names rightly, parts missing as in
training. (Of whole pictures the later checkpoints all name nearly all.)"""


def checkpoint_path(folder: Path, world: WorldName, seed: int, epoch: int) -> Path:
    """File of the network of a seed after an epoch, counted from 1."""
    return folder / f"{stem(world)}-seed{seed}-epoch{epoch}.pt2"


def load_accuracies(folder: Path) -> dict[str, float]:
    """Accuracy of each checkpoint of a folder that is there, by name; empty where there are none."""
    file = folder / ACCURACIES
    return dict(json.loads(file.read_text())) if file.exists() else {}


class Keeper:
    """Writes the network of a seed after each epoch, and its accuracy."""

    def __init__(
        self, folder: Path, world: WorldName, seed: int, fresh: tuple[NDArray[np.uint8], NDArray[np.int64]]
    ) -> None:
        """``fresh``: pictures [N, 128, 128, 3] that training has not seen, and their classes [N]."""
        self._folder, self._world, self._seed, self._fresh = folder, world, seed, fresh

    def __call__(self, epoch: int, network: PartsNetwork) -> None:
        """Keeps the network, which stays as it is."""
        path = checkpoint_path(self._folder, self._world, self._seed, epoch)
        network.eval()
        accuracy = share_right(network, *self._fresh)
        write_network(self._world, network, path)
        network.train()
        write_json(self._folder / ACCURACIES, load_accuracies(self._folder) | {path.stem: round(accuracy, 4)})
        print(f"{path.stem}: accuracy {accuracy:.3f}", flush=True)


def main() -> None:
    """Trains the seeds whose last epoch is not there yet."""
    options = _parse()
    torch.set_num_threads(options.processes)
    cv2.setNumThreads(1)
    done = load_accuracies(options.out)
    missing = [
        seed
        for seed in range(options.seeds)
        if checkpoint_path(options.out, options.world, seed, options.epochs).stem not in done
    ]
    if not missing:
        return
    classes = len(load_world(options.world).classes)
    images, labels = training_pictures(options.world, options.per_class, options.processes)
    fresh_labels = np.repeat(np.arange(classes), options.evaluation_per_class)
    fresh = fresh_pictures(options.world, fresh_labels, DROP_SHARE, options.processes), fresh_labels
    for seed in missing:
        train(images, labels, classes, options.epochs, seed, Keeper(options.out, options.world, seed, fresh))


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--world", choices=("dev", "test"), default="test")
    parser.add_argument("--out", type=Path, required=True, help="folder of the checkpoints")
    parser.add_argument("--seeds", type=int, default=4, help="networks, each from other random weights")
    parser.add_argument("--epochs", type=int, default=8, help="epochs of each")
    parser.add_argument("--per-class", type=int, default=200, help="training pictures of each class")
    parser.add_argument("--evaluation-per-class", type=int, default=40, help="fresh pictures of each class")
    parser.add_argument("--processes", type=int, default=2, help="processes that render, then threads that train")
    return parser.parse_args()


if __name__ == "__main__":
    main()
