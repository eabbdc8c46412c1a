"""A network's card: what must be known to use it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from visum.v1 import common_pb2

from visum_runtime.errors import InvalidInput
from visum_runtime.views import check_preprocessing

EXPORTED_PROGRAM = "exported program"
IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
_INTERPOLATIONS = {
    "bilinear": common_pb2.Preprocessing.INTERPOLATION_BILINEAR,
    "bicubic": common_pb2.Preprocessing.INTERPOLATION_BICUBIC,
}
_MAX_CARD_BYTES = 8 << 20
_FOR_PEOPLE = ("specialization",)
"""Entries of a card that no service reads: what a specialized classifier was made of."""


@dataclass(frozen=True)
class Preprocessing:
    """How an upright image becomes a view, and a view the network's input.

    Raises:
        InvalidInput: A value is out of range.
    """

    resize: int = 256
    """Length of the shorter side after resizing, pixels."""
    crop: int = 224
    """Side of the central square, pixels."""
    interpolation: str = "bilinear"
    """Resampling filter: bilinear or bicubic, both antialiased."""
    mean: tuple[float, ...] = IMAGENET_MEAN
    """Mean of each channel on the scale 0..1."""
    std: tuple[float, ...] = IMAGENET_STD
    """Standard deviation of each channel."""

    def __post_init__(self) -> None:
        if self.interpolation not in _INTERPOLATIONS:
            allowed = " or ".join(_INTERPOLATIONS)
            raise InvalidInput(f"is {self.interpolation!r}, must be {allowed}", field="preprocessing.interpolation")
        if len(self.mean) != 3:
            raise InvalidInput("must have three values", field="preprocessing.mean")
        if len(self.std) != 3 or min(self.std) <= 0:
            raise InvalidInput("must have three positive values", field="preprocessing.std")
        check_preprocessing(self.to_message())

    def to_message(self) -> common_pb2.Preprocessing:
        """As the wire has it."""
        return common_pb2.Preprocessing(
            resize=self.resize,
            crop=self.crop,
            interpolation=_INTERPOLATIONS[self.interpolation],
            mean=self.mean,
            std=self.std,
        )


@dataclass(frozen=True)
class Card:
    """Name, digest, architecture, classes, preprocessing and feature layer of a network."""

    name: str
    """How people call it."""
    sha256: str
    """Digest of its weights file, 64 lowercase hexadecimal digits."""
    architecture: str
    """A torchvision architecture, or "exported program"."""
    classes: tuple[str, ...]
    """Class names in the order of its outputs."""
    preprocessing: Preprocessing
    """How images become its input."""
    feature_layer: str = ""
    """Submodule whose output (of the last layer: whose input) is the default feature; empty: found by rule."""

    def to_message(self) -> common_pb2.ModelCard:
        """As the wire has it."""
        return common_pb2.ModelCard(
            ref=common_pb2.ModelRef(name=self.name, sha256=self.sha256),
            architecture=self.architecture,
            classes=self.classes,
            preprocessing=self.preprocessing.to_message(),
            feature_layer=self.feature_layer,
        )


@dataclass(frozen=True)
class CardFile:
    """What a card's JSON file says; None where it says nothing."""

    name: str | None = None
    sha256: str | None = None
    architecture: str | None = None
    classes: tuple[str, ...] | None = None
    preprocessing: Preprocessing | None = None
    feature_layer: str = ""


def read_card_file(path: Path) -> CardFile:
    """Reads the card beside a weights file; an empty card where there is none.

    Raises:
        InvalidInput: Not JSON, or a value is wrong; names the file and the field.
    """
    if not path.is_file():
        return CardFile()
    try:
        if path.stat().st_size > _MAX_CARD_BYTES:
            raise InvalidInput(f"is larger than {_MAX_CARD_BYTES} bytes")
        return _card_file(json.loads(path.read_text(encoding="utf-8")))
    except InvalidInput as error:
        raise InvalidInput(f"card {path.name}: {error}", field="model") from error
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InvalidInput(f"card {path.name} is not JSON: {error}", field="model") from error


def _card_file(content: Any) -> CardFile:
    if not isinstance(content, dict):
        raise InvalidInput("must be a JSON object")
    known = {*CardFile.__dataclass_fields__, *_FOR_PEOPLE}
    for key in sorted(set(content) - known):
        raise InvalidInput(f"is not a field of a card; known are {', '.join(sorted(known))}", field=key)
    for key in ("name", "sha256", "architecture", "feature_layer"):
        if key in content and not isinstance(content[key], str):
            raise InvalidInput("must be a text", field=key)
    return CardFile(
        name=content.get("name"),
        sha256=content.get("sha256"),
        architecture=content.get("architecture"),
        classes=_classes(content.get("classes")),
        preprocessing=_preprocessing(content.get("preprocessing")),
        feature_layer=content.get("feature_layer", ""),
    )


def _classes(names: Any) -> tuple[str, ...] | None:
    if names is None:
        return None
    if not isinstance(names, list) or not names or not all(isinstance(name, str) and name for name in names):
        raise InvalidInput("must be a list of names", field="classes")
    return tuple(names)


def _preprocessing(values: Any) -> Preprocessing | None:
    if values is None:
        return None
    if not isinstance(values, dict):
        raise InvalidInput("must be a JSON object", field="preprocessing")
    for key in sorted(set(values) - set(Preprocessing.__dataclass_fields__)):
        raise InvalidInput("is not a field of a card's preprocessing", field=f"preprocessing.{key}")
    _require_numbers(values)
    lists = {key: tuple(values[key]) for key in ("mean", "std") if key in values}
    return Preprocessing(**(values | lists))


def _require_numbers(values: dict[str, Any]) -> None:
    for key in ("resize", "crop"):
        if key in values and (not isinstance(values[key], int) or isinstance(values[key], bool)):
            raise InvalidInput("must be a whole number", field=f"preprocessing.{key}")
    for key in ("mean", "std"):
        entry = values.get(key, [])
        if not isinstance(entry, list) or not all(isinstance(number, int | float) for number in entry):
            raise InvalidInput("must be a list of numbers", field=f"preprocessing.{key}")
