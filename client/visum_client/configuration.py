"""What defines a run: two runs of equal configuration have equal results."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Self

import numpy as np
from visum.v1 import common_pb2

from visum_client.errors import RunFolderError
from visum_client.images import ImageFile
from visum_client.options import (
    OPTIONS,
    ClusteringOptions,
    DescribeOptions,
    MaskOptions,
    MatchOptions,
    NecessityOptions,
    RegionOptions,
    SurvivorOptions,
)

_INTERPOLATIONS = {
    common_pb2.Preprocessing.INTERPOLATION_UNSPECIFIED: "bilinear",
    common_pb2.Preprocessing.INTERPOLATION_BILINEAR: "bilinear",
    common_pb2.Preprocessing.INTERPOLATION_BICUBIC: "bicubic",
}


@dataclass(frozen=True, kw_only=True)
class StepOptions:
    """The options of all steps."""

    mask: MaskOptions = field(default_factory=MaskOptions)
    regions: RegionOptions = field(default_factory=RegionOptions)
    describe: DescribeOptions = field(default_factory=DescribeOptions)
    survivors: SurvivorOptions = field(default_factory=SurvivorOptions)
    match: MatchOptions = field(default_factory=MatchOptions)
    clustering: ClusteringOptions = field(default_factory=ClusteringOptions)
    necessity: NecessityOptions = field(default_factory=NecessityOptions)

    def for_images(self, count: int) -> Self:
        """These options, with what is left open chosen for a class of so many images."""
        return replace(self, clustering=self.clustering.for_images(count))


def network_json(card: common_pb2.ModelCard, target: int) -> dict[str, Any]:
    """The half of a run's configuration that the network's card tells."""
    return {
        "model": {"name": card.ref.name, "sha256": card.ref.sha256, "architecture": card.architecture},
        "target": {"index": target, "name": card.classes[target]},
        "preprocessing": preprocessing_json(card.preprocessing),
    }


def order_json(images: Sequence[ImageFile], options: StepOptions, admit_unrecognized: bool) -> dict[str, Any]:
    """The half of a run's configuration that is known without asking a service."""
    return {
        "images": {"count": len(images), "sha256": images_digest(images)},
        **{step: getattr(options, step).to_json() for step in OPTIONS},
        "admit_unrecognized": admit_unrecognized,
    }


def run_options(configuration: Mapping[str, Any]) -> StepOptions:
    """The options that a run was made with: untold ones at their defaults, without what a later version added."""
    return StepOptions(**{step: _options(kind, configuration.get(step) or {}) for step, kind in OPTIONS.items()})


def card_agrees(card: Mapping[str, Any], known: Mapping[str, Any]) -> bool:
    """True where what a card's file says, if anything, is what a run was made with."""
    classes, target = card.get("classes"), known["target"]
    if classes is not None and target["name"] not in classes[target["index"] : target["index"] + 1]:
        return False
    preprocessing = card.get("preprocessing", {})
    return bool(known["preprocessing"].items() >= preprocessing.items())


def check_same(before: dict[str, Any], now: dict[str, Any], folder: object) -> None:
    """Holds the configuration of a used folder against the one asked for.

    Raises:
        RunFolderError: They differ; names every field with both values.
    """
    old, new = dict(_flat(before)), dict(_flat(json.loads(json.dumps(now))))
    names = [name for name in dict.fromkeys([*old, *new]) if old.get(name) != new.get(name)]
    if names:
        lines = [f"{name}: {_shown(old.get(name))} there, {_shown(new.get(name))} asked for" for name in names]
        text = f"{folder} holds a run of another configuration ({'; '.join(lines)})"
        raise RunFolderError(f"{text}; choose another folder, or overwrite it")


def images_digest(images: Sequence[ImageFile]) -> str:
    """One digest over the sorted digests of the images."""
    return hashlib.sha256("\n".join(sorted(image.digest or "" for image in images)).encode()).hexdigest()


def preprocessing_json(preprocessing: common_pb2.Preprocessing) -> dict[str, Any]:
    """A network's preprocessing, as run.json has it."""
    return {
        "resize": preprocessing.resize,
        "crop": preprocessing.crop,
        "interpolation": _INTERPOLATIONS[preprocessing.interpolation],
        "mean": [_short(value) for value in preprocessing.mean],
        "std": [_short(value) for value in preprocessing.std],
    }


def preprocessing_message(known: Mapping[str, Any]) -> common_pb2.Preprocessing:
    """A network's preprocessing from what run.json has."""
    interpolations = {text: number for number, text in _INTERPOLATIONS.items()}
    return common_pb2.Preprocessing(**{**known, "interpolation": interpolations[known["interpolation"]]})


def _options(kind: Any, content: Mapping[str, Any]) -> Any:
    return kind(**{field.name: content[field.name] for field in fields(kind) if field.name in content})


def _short(value: float) -> float:
    """0.485, not 0.48500001430511475: the shortest number of the same single precision."""
    return float(str(np.float32(value)))


def _flat(content: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in content.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _shown(value: Any) -> str:
    return "nothing" if value is None else json.dumps(value, ensure_ascii=False)
