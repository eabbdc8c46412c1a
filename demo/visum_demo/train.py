"""Train the network of a world: ``python -m visum_demo.train --world dev``.

Renders the training pictures, trains on the CPU, measures the accuracy on fresh pictures, and writes the exported
program, its card and the accuracy into the package.
"""

import argparse
import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch.nn import functional

from .batches import EVALUATION_SEED, TRAINING_SEED, Task, render_batch
from .network import MEAN, STD, PartsNetwork, compact, export_network, normalized, predict
from .render import SIDE_PX
from .shipped import Accuracy, file_digest, model_path, save_accuracy, write_json
from .worlds import WorldName, load_world

DROP_SHARE = 0.15
"""Probability with which a part is missing, in training and in the second accuracy."""
HEAVY_DROP_SHARE = 0.5
HEAVY_EVERY = 4
"""Every fourth training picture misses about half of its parts, so that nearly bare bodies score as undecided."""
BATCH = 64
PEAK_RATE = 4e-3
WEIGHT_DECAY = 2e-2
MOST_SHIFT_PX = 5


def train(
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    classes: int,
    epochs: int,
    seed: int,
    after_epoch: Callable[[int, PartsNetwork], None] | None = None,
) -> PartsNetwork:
    """Fit a network to images uint8 [N, 128, 128, 3] and labels [N].

    The same seed and thread count on the same machine give the same weights. ``after_epoch`` is given the number of
    each epoch that is done, from 1, and the network as it is then, which it must not change.
    """
    torch.manual_seed(seed)
    network = PartsNetwork(classes).to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(network.parameters(), lr=PEAK_RATE, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, PEAK_RATE, epochs * (len(images) // BATCH), pct_start=0.2)
    rng = np.random.default_rng(seed)
    for epoch in range(epochs):
        started, losses = time.monotonic(), []
        for chosen in _shuffled_batches(rng, len(images)):
            inputs = _shifted(rng, normalized(images[chosen])).contiguous(memory_format=torch.channels_last)
            loss = functional.cross_entropy(network(inputs), torch.from_numpy(labels[chosen]))
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
        print(f"epoch {epoch + 1}/{epochs}: loss {np.mean(losses):.4f}, {time.monotonic() - started:.0f} s", flush=True)
        if after_epoch is not None:
            after_epoch(epoch + 1, network)
    return network


def measure_accuracy(network: torch.nn.Module, name: WorldName, per_class: int, processes: int) -> Accuracy:
    """Accuracy on pictures that training has not seen, whole and with parts missing."""
    labels = np.repeat(np.arange(len(load_world(name).classes)), per_class)
    whole, missing = (
        share_right(network, fresh_pictures(name, labels, drop_share, processes), labels)
        for drop_share in (0.0, DROP_SHARE)
    )
    return Accuracy(len(labels), round(whole, 4), round(missing, 4), DROP_SHARE)


def training_pictures(name: WorldName, per_class: int, processes: int) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
    """Pictures uint8 [N, 128, 128, 3] to train on, every class as often, and their classes [N]."""
    classes = len(load_world(name).classes)
    labels = np.tile(np.arange(classes), per_class)
    tasks = [
        Task(int(label), TRAINING_SEED + k, HEAVY_DROP_SHARE if k // classes % HEAVY_EVERY == 0 else DROP_SHARE)
        for k, label in enumerate(labels)
    ]
    return render_batch(name, tasks, processes), labels


def fresh_pictures(name: WorldName, labels: NDArray[np.int64], drop_share: float, processes: int) -> NDArray[np.uint8]:
    """Pictures uint8 [N, 128, 128, 3] of the classes [N] that training has not seen."""
    tasks = [Task(int(label), EVALUATION_SEED + k, drop_share) for k, label in enumerate(labels)]
    return render_batch(name, tasks, processes)


def share_right(network: torch.nn.Module, images: NDArray[np.uint8], labels: NDArray[np.int64]) -> float:
    """Share of the images [N] that the network names as labelled [N]."""
    return float((predict(network, images).argmax(axis=1) == labels).mean())


def write_network(name: WorldName, network: PartsNetwork, path: Path) -> None:
    """Write a trained network as exported program and card; the network itself stays as it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    export_network(compact(deepcopy(network)), path)
    card = {
        "name": path.stem,
        "architecture": "exported program",
        "sha256": file_digest(path),
        "classes": list(load_world(name).classes),
        "preprocessing": {"resize": SIDE_PX, "crop": SIDE_PX, "interpolation": "bilinear", "mean": MEAN, "std": STD},
        "feature_layer": "classifier",
    }
    write_json(path.with_suffix(".json"), card)


def main() -> None:
    """Parse the command line and do all of it."""
    options = _parse()
    torch.set_num_threads(options.processes)
    cv2.setNumThreads(1)
    started = time.monotonic()
    images, labels = training_pictures(options.world, options.per_class, options.processes)
    print(f"rendered {len(images)} pictures in {time.monotonic() - started:.0f} s", flush=True)
    network = train(images, labels, len(load_world(options.world).classes), options.epochs, options.seed)
    write_network(options.world, network, model_path(options.world))
    network = compact(network)
    accuracy = measure_accuracy(network, options.world, options.evaluation_per_class, options.processes)
    save_accuracy(options.world, accuracy)
    print(accuracy)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--world", choices=("dev", "test"), required=True)
    parser.add_argument("--per-class", type=int, default=700, help="training pictures of each class")
    parser.add_argument("--evaluation-per-class", type=int, default=100, help="fresh pictures of each class")
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--processes", type=int, default=2, help="processes that render, then threads that train")
    return parser.parse_args()


def _shuffled_batches(rng: np.random.Generator, count: int) -> Iterator[NDArray[np.int64]]:
    order = rng.permutation(count)
    for k in range(0, count - BATCH + 1, BATCH):
        yield order[k : k + BATCH]


def _shifted(rng: np.random.Generator, inputs: torch.Tensor) -> torch.Tensor:
    """The batch moved by a few pixels, its border repeated."""
    left, top = rng.integers(0, 2 * MOST_SHIFT_PX + 1, size=2)
    padded = functional.pad(inputs, (MOST_SHIFT_PX,) * 4, mode="replicate")
    return padded[:, :, top : top + SIDE_PX, left : left + SIDE_PX]


if __name__ == "__main__":
    main()
