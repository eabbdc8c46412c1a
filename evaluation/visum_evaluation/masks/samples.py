"""The images of the experiment: photographs in folders, or scenes of the demo world with their planted truth."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from visum.v1 import common_pb2

from visum_client.errors import InvalidInputError
from visum_client.images import IMAGE_SUFFIXES
from visum_client.targets import find_class, normalized
from visum_demo.batches import EVALUATION_SEED
from visum_demo.render import render
from visum_demo.shipped import load_causal_figures
from visum_demo.worlds import WorldName, load_world
from visum_models import Classifier
from visum_runtime.errors import InvalidInput
from visum_runtime.views import ImageLimits, load_view

LIMITS = ImageLimits(max_bytes=64 << 20, max_pixels=100_000_000)


@dataclass(frozen=True, eq=False)
class Planted:
    """Where the parts of a scene are. Pixels, bool [S, S]."""

    causal: NDArray[np.bool_]
    """Parts that the network is known to use for the class."""
    background: NDArray[np.bool_]
    """Neither body nor part."""


@dataclass(frozen=True, eq=False)
class Sample:
    """One view and the class that is explained on it."""

    view: NDArray[np.uint8]
    """RGB, uint8 [S, S, 3]."""
    target: int
    """Index of the class."""
    planted: Planted | None = None
    """The truth, where it is known."""


@dataclass(frozen=True)
class Samples:
    """Images of one or several classes."""

    used: tuple[Sample, ...]
    """Those that the network recognizes."""
    skipped: int
    """Images looked at that it does not recognize."""
    failed: int
    """Images looked at that cannot be read."""


def photographs(classifier: Classifier, folder: Path, target: str, limit: int | None) -> Samples:
    """The first `limit` recognized photographs of one class, by file name.

    Raises:
        NotFoundError: The network has no such class.
    """
    index = find_class(target, classifier.card.classes)
    files = (file for file in sorted(folder.iterdir()) if file.suffix.lower() in IMAGE_SUFFIXES)
    return _recognized(classifier, (_photograph(classifier, file, index) for file in files), limit)


def class_folders(
    classifier: Classifier, folder: Path, limit: int | None, classes: Sequence[str] | None = None
) -> Samples:
    """The first `limit` recognized photographs of each class: a folder a class, called as the class or ID_CLASS.

    Raises:
        InvalidInputError: There is no folder of one of the classes.
        NotFoundError: The network has no class of a folder's name.
    """
    folders = [entry for entry in sorted(folder.iterdir()) if entry.is_dir()]
    chosen = folders if classes is None else [folder_of(name, folder) for name in classes]
    return _joined(photographs(classifier, entry, class_name(entry.name), limit) for entry in chosen)


def folder_of(name: str, folder: Path) -> Path:
    """The folder of a class among folders called as classes or ID_CLASS; letters' case and underscores do not count.

    Raises:
        InvalidInputError: There is none.
    """
    found = [entry for entry in sorted(folder.iterdir()) if normalized(class_name(entry.name)) == normalized(name)]
    if not found:
        raise InvalidInputError(f"{folder} has no folder of the class {name!r}", "classes")
    return found[0]


def planted_scenes(classifier: Classifier, name: WorldName, limit: int | None) -> Samples:
    """The first `limit` recognized scenes (default 1) of each class of a demo world, with their truth."""
    return _joined(
        _recognized(classifier, _scenes(name, index, class_name), limit or 1)
        for index, class_name in enumerate(load_world(name).classes)
    )


def _scenes(name: WorldName, index: int, class_name: str) -> Iterator[Sample]:
    world = load_world(name)
    causal = {row.part for row in load_causal_figures(name)[class_name] if row.verdict == "causal"}
    seed = EVALUATION_SEED
    while True:
        rendering = render(world.scene(class_name, seed))
        masks = rendering.part_masks
        nothing = np.zeros(rendering.image.shape[:2], bool)
        used = np.any([nothing, *(mask for part, mask in masks.items() if part in causal)], axis=0)
        yield Sample(rendering.image, index, Planted(used, ~np.any([nothing, *masks.values()], axis=0)))
        seed += 1


def _photograph(classifier: Classifier, file: Path, target: int) -> Sample | None:
    image = common_pb2.Image(data=file.read_bytes())
    try:
        return Sample(load_view(image, classifier.card.preprocessing.to_message(), LIMITS).pixels, target)
    except InvalidInput:
        return None


def _recognized(classifier: Classifier, samples: Iterable[Sample | None], limit: int | None) -> Samples:
    used: list[Sample] = []
    skipped = failed = 0
    for sample in samples:
        if sample is None:
            failed += 1
        elif _best_class(classifier, sample) == sample.target:
            used.append(sample)
        else:
            skipped += 1
        if len(used) == limit:
            break
    return Samples(tuple(used), skipped, failed)


def _best_class(classifier: Classifier, sample: Sample) -> int:
    with torch.no_grad():
        return int(classifier.logits(classifier.to_pixels(sample.view)[None]).argmax())


def _joined(parts: Iterable[Samples]) -> Samples:
    found = list(parts)
    used = tuple(sample for part in found for sample in part.used)
    return Samples(used, sum(part.skipped for part in found), sum(part.failed for part in found))


def class_name(folder: str) -> str:
    """As ImageNet's folders are called: n02099601_golden_retriever."""
    head, _, rest = folder.partition("_")
    return rest if rest and head[:1] == "n" and head[1:].isdecimal() else folder
