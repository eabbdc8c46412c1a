"""Which network is meant, and its file on this machine, if any."""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from visum_client.errors import InvalidInputError
from visum_client.files import file_digest, write_json

PROGRAM_SUFFIX = ".pt2"
WEIGHTS_SUFFIXES = (".pth", ".pt", PROGRAM_SUFFIX)
EXPORTED_PROGRAM = "exported program"


@dataclass(frozen=True)
class GivenModel:
    """A network as a user names it."""

    name: str
    """Name that services find it by."""
    sha256: str = ""
    """Digest of its weights file; empty where no file was given."""
    weights: Path | None = None
    """Its weights file; None: the service has it, or takes the standard weights."""


def find_model(model: str | os.PathLike[str], weights: str | os.PathLike[str] | None = None) -> GivenModel:
    """The network of a name, of a name and a weights file, or of a file alone.

    Raises:
        InvalidInputError: A file does not exist, is of an unknown kind, or its card is damaged.
    """
    is_file = Path(model).suffix in WEIGHTS_SUFFIXES
    if weights is None and not is_file:
        return GivenModel(os.fspath(model))
    if weights is not None and is_file:
        raise InvalidInputError("is a file: give the network's name as model, or leave weights out", "model")
    path = _checked_file(Path(model if weights is None else weights), "model" if weights is None else "weights")
    name = str(read_card(path).get("name") or path.stem) if weights is None else os.fspath(model)
    return GivenModel(name, file_digest(path), path)


def read_card(weights: Path) -> dict[str, Any]:
    """The card beside a weights file; empty where there is none.

    Raises:
        InvalidInputError: It is not a JSON object.
    """
    path = weights.with_suffix(".json")
    if not path.is_file():
        return {}
    try:
        card = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InvalidInputError(f"card {path} is not readable JSON: {error}", "weights") from error
    if not isinstance(card, dict):
        raise InvalidInputError(f"card {path} must be a JSON object", "weights")
    return card


class ModelFolder:
    """The folder of networks that local services read: exactly the files that calls named."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def add(self, model: GivenModel) -> None:
        """Admits the weights file of a network, with its card.

        Raises:
            InvalidInputError: Its card is damaged or of another file.
        """
        if model.weights is None:
            return
        card = read_card(model.weights)
        if card.get("sha256", model.sha256) != model.sha256:
            text = f"{model.weights} has sha256 {model.sha256}, its card says {card['sha256']}"
            raise InvalidInputError(text, "model")
        is_program = model.weights.suffix == PROGRAM_SUFFIX
        architecture = EXPORTED_PROGRAM if is_program else card.get("architecture", model.name)
        complete = card | {"name": model.name, "sha256": model.sha256, "architecture": architecture}
        link = self.path / f"{model.sha256}{model.weights.suffix}"
        weights = model.weights.resolve()
        self._remove_older(weights, link)
        write_json(link.with_suffix(".json"), complete)
        if not link.is_symlink() or link.readlink() != weights:
            link.unlink(missing_ok=True)  # the file was moved since, or is another of the same content
            link.symlink_to(weights)

    def _remove_older(self, weights: Path, link: Path) -> None:
        """A weights file that was written anew has another digest: its older link is wrong now."""
        for older in self.path.iterdir():
            if older.is_symlink() and older != link and older.resolve() == weights:
                older.unlink()
                older.with_suffix(".json").unlink(missing_ok=True)


def _checked_file(path: Path, field: str) -> Path:
    if path.suffix not in WEIGHTS_SUFFIXES:
        raise InvalidInputError(f"{path} must end in {' or '.join(WEIGHTS_SUFFIXES)}", field)
    if not path.is_file():
        raise InvalidInputError(f"{path} does not exist", field)
    return path
