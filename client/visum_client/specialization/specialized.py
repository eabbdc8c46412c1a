"""A specialized classifier on the disk: one file, and its card beside it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from visum.v1 import specializer_pb2

from visum_client.configuration import images_digest, preprocessing_json
from visum_client.errors import InvalidInputError
from visum_client.files import file_digest, write_atomically, write_json
from visum_client.models import WEIGHTS_SUFFIXES, read_card
from visum_client.specialization.class_runs import ClassRuns
from visum_client.specialization.classifier import ExportedFile
from visum_client.specialization.corrections import Outcome
from visum_client.specialization.embedding import EmbeddedImages
from visum_client.specialization.training import COMBINATIONS, Material

SUFFIXES = (".pt2", ".onnx")
"""Of the files that a specialized classifier is written to."""


@dataclass(frozen=True)
class Accuracy:
    """How many of the validation images were named rightly; they chose weight and C, so it flatters."""

    images: int
    before: float
    """Fraction by the network."""
    after: float
    """Fraction by the specialized classifier."""


@dataclass(frozen=True)
class Specialized:
    """A specialized classifier: network, SVMs and combination in one file."""

    path: Path
    """The file: an exported program, or ONNX."""
    sha256: str
    """Its digest."""
    layer: str
    """Layer of the network that the features are of."""
    combination: str
    """How scores are combined: network_share or literal."""
    weight: float
    """Weight of the SVMs' scores; 0: nothing was gained, and the file computes the network's scores."""
    c: float
    """C of the SVMs."""
    summaries: tuple[str, ...]
    """The summaries, by class and short name, in the order of the SVMs."""
    overall: Accuracy
    """On all validation images."""
    target_classes: Accuracy
    """On those of the classes with summaries."""
    outcome: Outcome
    """What became of each validation image."""

    @property
    def card(self) -> Path:
        """The card beside the file."""
        return _card_of(self.path)


def check_place(path: Path, weights: Path | None) -> None:
    """Sees that writing a classifier and its card to a path destroys nothing but an earlier one.

    Args:
        path: The file to write.
        weights: File of the network that is specialized; None: it is elsewhere.

    Raises:
        InvalidInputError: The file is the network's own, or the card beside it is another file's.
    """
    if weights is not None and path.resolve() == weights.resolve():
        raise InvalidInputError(f"{path} is the network that is specialized: choose another name", "out")
    others = (path.with_suffix(suffix) for suffix in dict.fromkeys((*WEIGHTS_SUFFIXES, *SUFFIXES)))
    for other in others:
        if other != path and other.exists():
            raise InvalidInputError(f"{path} would share its card with {other}: choose another name", "out")
    card = _card_of(path)
    if card.exists() and not _has_own_card(path):
        raise InvalidInputError(f"{card} is not the card of {path}: choose another name, or remove it", "out")


def specialized(
    path: Path, file: ExportedFile, trained: specializer_pb2.TrainResponse, material: Material, found: Outcome
) -> Specialized:
    """What a training and its export come to."""
    classifier = trained.classifier
    return Specialized(
        path=path,
        sha256=file.card.ref.sha256,
        layer=classifier.layer,
        combination=next(name for name, number in COMBINATIONS.items() if number == classifier.combination),
        weight=classifier.weight,
        c=trained.c,
        summaries=tuple(entry.name for entry in material.runs.summaries),
        overall=_accuracy(trained.overall),
        target_classes=_accuracy(trained.target_classes),
        outcome=found,
    )


def write_specialized(result: Specialized, file: ExportedFile, classifier_sha256: str, material: Material) -> None:
    """Writes the file, then its card."""
    result.path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(result.path, file.data)
    card: dict[str, Any] = {
        "name": file.card.ref.name,
        "sha256": result.sha256,
        "architecture": file.card.architecture,
        "classes": list(file.card.classes),
        "preprocessing": preprocessing_json(file.card.preprocessing),
        "feature_layer": file.card.feature_layer,
        "specialization": _specialization(result, classifier_sha256, material),
    }
    write_json(result.card, card)


def _card_of(path: Path) -> Path:
    return path.with_suffix(".json")


def _has_own_card(path: Path) -> bool:
    try:
        return path.is_file() and read_card(path).get("sha256") == file_digest(path)
    except InvalidInputError:
        return False


def _specialization(result: Specialized, classifier_sha256: str, material: Material) -> dict[str, Any]:
    return {
        "network": {"name": material.model.name, "sha256": material.model.sha256},
        "classifier": classifier_sha256,
        "layer": result.layer,
        "combination": result.combination,
        "weight": result.weight,
        "c": result.c,
        "seed": material.seed,
        "summaries": _summaries(material.runs, material.training),
        "data": {"train": _data(material.training), "validation": _data(material.validation)},
        "validation_accuracy": {"overall": vars(result.overall), "target_classes": vars(result.target_classes)},
    }


def _summaries(runs: ClassRuns, training: EmbeddedImages) -> list[dict[str, Any]]:
    counts = runs.memberships(image.digest for image in training.images).sum(axis=0)
    return [
        {
            "class": {"index": entry.target, "name": entry.target_name},
            "id": entry.summary.id,
            "images": int(count),
            "run_images_sha256": entry.run.configuration["images"]["sha256"],
        }
        for entry, count in zip(runs.summaries, counts, strict=True)
    ]


def _data(images: EmbeddedImages) -> dict[str, Any]:
    return {"images": len(images.images), "sha256": images_digest([image.file for image in images.images])}


def _accuracy(message: specializer_pb2.ValidationAccuracy) -> Accuracy:
    return Accuracy(message.images, message.before, message.after)
