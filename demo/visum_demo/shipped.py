"""What the package brings along: networks with their cards, figures about them, and scenes of the demo class."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from .parts import Kind
from .worlds import WorldName

DATA = Path(__file__).parent / "data"
MODELS = DATA / "models"
"""Folder of the networks and their cards: usable as a model folder as it is."""
FIGURES = DATA / "figures"
IMAGES = DATA / "images"
"""Folder of the pictures of the demo class."""
TRUTH = DATA / "truth.json"

CAUSAL_ABOVE = 0.15
NOT_CAUSAL_BELOW = 0.05

Verdict = Literal["causal", "unsure", "not causal"]


@dataclass(frozen=True)
class CausalFigure:
    """How much a part contributes to the score of its class.

    ``shapley`` is the mean Shapley value on the softmax of the class, over the ``images`` pictures that show the part.
    """

    part: str
    kind: Kind
    shapley: float
    standard_error: float
    images: int

    @property
    def designed(self) -> bool:
        """Whether the part was planted to tell the class apart: a designed part, or the shortcut of its class."""
        return self.kind in ("designed", "shortcut")

    @property
    def verdict(self) -> Verdict:
        """Causal above .15, not causal below .05, unsure between."""
        if self.shapley > CAUSAL_ABOVE:
            return "causal"
        return "not causal" if self.shapley < NOT_CAUSAL_BELOW else "unsure"


@dataclass(frozen=True)
class Accuracy:
    """Share of fresh pictures that the network names rightly, whole and with random parts missing."""

    images: int
    whole: float
    parts_missing: float
    drop_share: float


@dataclass(frozen=True)
class Truth:
    """From which world and class the pictures of the demo class were rendered, and from which seed each file."""

    model: str
    world: WorldName
    class_name: str
    seeds: dict[str, int]


def stem(world: WorldName) -> str:
    """Name of a world's network, and of the files about it."""
    return f"planted-parts-{world}"


def model_path(world: WorldName) -> Path:
    """File of a world's network; its card lies beside it with the ending ``.json``."""
    return MODELS / f"{stem(world)}.pt2"


def file_digest(path: Path) -> str:
    """Sha256 of a file, in hexadecimal digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def load_accuracy(world: WorldName) -> Accuracy:
    """The measured accuracy of a world's network."""
    return Accuracy(**json.loads((FIGURES / f"{stem(world)}.accuracy.json").read_text()))


def save_accuracy(world: WorldName, accuracy: Accuracy) -> None:
    """Write what ``load_accuracy`` reads."""
    write_json(FIGURES / f"{stem(world)}.accuracy.json", asdict(accuracy))


def load_causal_figures(world: WorldName) -> dict[str, tuple[CausalFigure, ...]]:
    """For each class of a world, the causal figures of its parts, the largest first."""
    stored = json.loads((FIGURES / f"{stem(world)}.causal.json").read_text())
    return {name: tuple(CausalFigure(**_without_flag(row)) for row in rows) for name, rows in stored["classes"].items()}


def save_causal_figures(world: WorldName, figures: dict[str, tuple[CausalFigure, ...]]) -> None:
    """Write what ``load_causal_figures`` reads, with the digest of the network that the figures are about."""
    classes = {name: [asdict(row) | {"designed": row.designed} for row in rows] for name, rows in figures.items()}
    content = {"model": stem(world), "model_sha256": file_digest(model_path(world)), "classes": classes}
    write_json(FIGURES / f"{stem(world)}.causal.json", content)


def load_truth() -> Truth:
    """Where the pictures of the demo class come from."""
    return Truth(**json.loads(TRUTH.read_text()))


def save_truth(truth: Truth) -> None:
    """Write what ``load_truth`` reads."""
    write_json(TRUTH, asdict(truth))


def write_json(path: Path, content: Mapping[str, object]) -> None:
    """Write a readable JSON file, making its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, indent=1) + "\n")


def _without_flag(row: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in row.items() if key != "designed"}
