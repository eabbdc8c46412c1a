"""A world of planted parts, and a network trained too briefly on purpose, so that there is something to mend."""

from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from visum_client import Client, ClusteringOptions, MaskOptions, NecessityOptions, Run, TooFewImagesError
from visum_client.files import file_digest, write_atomically
from visum_demo.batches import EVALUATION_SEED, TRAINING_SEED, Task, render_batch
from visum_demo.network import MEAN, STD, compact
from visum_demo.render import SIDE_PX
from visum_demo.train import DROP_SHARE, train
from visum_demo.worlds import WorldName, load_world
from visum_evaluation.specialization.embedding import LabelledView
from visum_models import Preprocessing, export_network

POOL_SEED = EVALUATION_SEED + 400_000
TEST_SEED = EVALUATION_SEED + 500_000
"""First seeds of the pictures; the network was trained on smaller ones."""
BRIEF_PICTURES = 160
"""Pictures of a class that the network sees; the shipped one sees 700."""
BRIEF_EPOCHS = 4
"""The shipped one is trained for 10."""
CLASSES = 18
"""Of each world."""
_MASK = MaskOptions(grid=16, target_drop=0.9, min_region_area=0.0012)
_NECESSITY = NecessityOptions(margin=0.0, share=0.0)
"""What a network trained briefly does not rest on yet may be what it should learn from."""
_PROCESSES = 2


@dataclass(frozen=True)
class WorldOptions:
    """How large the experiment is.

    Raises:
        ValueError: A number is out of its range.
    """

    world: WorldName
    classes: int = CLASSES
    """So many of the first classes get runs."""
    run_images: int = 40
    """Pictures of a class in its run."""
    images: int = 60
    """Pictures of each class that training and validation share out, those of the runs among them."""
    test_images: int = 100
    """Pictures of each class to test on."""
    epochs: int = BRIEF_EPOCHS
    """How long the network is trained."""
    training_images: int = BRIEF_PICTURES
    """Pictures of each class that the network is trained on."""

    def __post_init__(self) -> None:
        if not 1 <= self.classes <= len(load_world(self.world).classes):
            raise ValueError(f"classes is {self.classes}, must be within 1..{len(load_world(self.world).classes)}")
        if not 3 <= self.run_images <= self.images:
            raise ValueError(f"run_images is {self.run_images}, must be within 3..{self.images}")
        if min(self.test_images, self.epochs, self.training_images) < 1:
            raise ValueError("test_images, epochs and training_images must be at least 1")


@dataclass(frozen=True)
class WorldMaterial:
    """What was drawn, trained and run."""

    network: Path
    """The exported program."""
    runs: tuple[Run, ...]
    pool: tuple[LabelledView, ...]
    test: tuple[LabelledView, ...]


def make_world(client: Client, options: WorldOptions, out: Path) -> WorldMaterial:
    """Trains the network, draws the pictures and makes the runs; what is there already is kept.

    Images that the network does not recognize take part in the runs: from them there is most to learn. A class of which
    too few images have parts has no run.
    """
    folder = out / options.world
    network = brief_network(options, folder)
    pool = draw_pictures(options.world, folder / "pictures", POOL_SEED, options.images)
    test = draw_pictures(options.world, folder / "test", TEST_SEED, options.test_images)
    runs = []
    for name in load_world(options.world).classes[: options.classes]:
        with suppress(TooFewImagesError):
            runs.append(_class_run(client, options, network, folder, name))
    return WorldMaterial(network, tuple(runs), pool, test)


def _class_run(client: Client, options: WorldOptions, network: Path, folder: Path, name: str) -> Run:
    return client.summarize(
        model=network,
        target=name,
        images=[folder / "pictures" / name / _file_name(number) for number in range(options.run_images)],
        out=folder / "runs" / network.stem / name,
        cache=folder / "cache",
        admit_unrecognized=True,
        mask=_MASK,
        clustering=ClusteringOptions(preset="consensus"),
        necessity=_NECESSITY,
        progress=False,
    )


def brief_network(options: WorldOptions, folder: Path) -> Path:
    """Trains the network of a world on few pictures for a few epochs; one that was trained so is kept."""
    path = folder / f"network-{options.epochs}-epochs-{options.training_images}-pictures.pt2"
    if path.is_file() and path.with_suffix(".json").is_file():
        return path
    classes = load_world(options.world).classes
    labels = np.tile(np.arange(len(classes)), options.training_images)
    tasks = [Task(int(label), TRAINING_SEED + index, DROP_SHARE) for index, label in enumerate(labels)]
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # the same weights on every machine of the kind
    try:
        pictures = render_batch(options.world, tasks, _PROCESSES)
        network = compact(train(pictures, labels, len(classes), options.epochs, seed=0))
    finally:
        torch.set_num_threads(threads)
    preprocessing = Preprocessing(resize=SIDE_PX, crop=SIDE_PX, mean=MEAN, std=STD)
    return export_network(network, path, classes, preprocessing, feature_layer="classifier")


def draw_pictures(world: WorldName, folder: Path, first_seed: int, count: int) -> tuple[LabelledView, ...]:
    """So many pictures of every class as `<folder>/<class>/<number>.png`; what is there is kept."""
    classes = load_world(world).classes
    wanted = [
        (index, number, folder / name / _file_name(number))
        for index, name in enumerate(classes)
        for number in range(count)
    ]
    missing = [entry for entry in wanted if not entry[2].is_file()]
    tasks = [Task(index, first_seed + number * len(classes) + index, DROP_SHARE) for index, number, _ in missing]
    if missing:
        for (_, _, path), pixels in zip(missing, render_batch(world, tasks, _PROCESSES), strict=True):
            path.parent.mkdir(parents=True, exist_ok=True)
            write_atomically(path, partial(Image.fromarray(pixels).save, format="PNG"), durable=False)
    return tuple(_view(path, index) for index, _, path in wanted)


def _file_name(number: int) -> str:
    return f"{number:04d}.png"


def _view(path: Path, index: int) -> LabelledView:
    return LabelledView(file_digest(path), index, lambda: np.asarray(Image.open(path).convert("RGB")))
