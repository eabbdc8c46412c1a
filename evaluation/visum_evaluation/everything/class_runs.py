"""The runs that the experiments share: every network on every class, over the same images."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from visum_client import Client, TooFewImagesError
from visum_client.commands.command import tell
from visum_client.models import PROGRAM_SUFFIX, find_model
from visum_evaluation.masks.samples import folder_of


@dataclass(frozen=True)
class Network:
    """A network as a user gives it: a name, a name with its weights (NAME=FILE), or an exported program."""

    model: str
    weights: Path | None = None

    @classmethod
    def parse(cls, text: str) -> "Network":
        """Reads one of these forms; a file that is there is one, even with a = in its name."""
        if Path(text).is_file():
            return cls(text)
        name, equals, weights = text.partition("=")
        return cls(name, Path(weights)) if equals else cls(text)

    @property
    def name(self) -> str:
        """What its runs call it. Raises InvalidInputError where its file is not there."""
        return find_model(self.model, self.weights).name

    def flags(self, model: str = "--model", weights: str = "--weights") -> list[str]:
        """The flags by which a command takes it."""
        return [model, self.model, *([weights, str(self.weights)] if self.weights else [])]

    @property
    def files(self) -> list[Path]:
        """Its file, if it has one."""
        file = self.weights or (Path(self.model) if self.model.endswith(PROGRAM_SUFFIX) else None)
        return [file] if file else []

    @property
    def file_flags(self) -> list[str]:
        """The flag of a command that knows its name from runs and wants only its file, if it has one."""
        return [word for file in self.files for word in ("--weights", str(file))]


@dataclass(frozen=True)
class Subject:
    """What is run."""

    networks: Sequence[Network]
    classes: Sequence[str]
    images: Path
    """A folder of folders, one a class."""
    limit: int | None = None
    """The first so many images of each class."""
    steps: Mapping[str, Any] = field(default_factory=dict)
    """Options of the steps of a run."""


@dataclass(frozen=True)
class ClassRuns:
    """Folders of complete runs by network and class, and what has none."""

    folders: Mapping[tuple[str, str], Path]
    without: Sequence[tuple[str, str]]
    """Networks and classes of which too few images are recognized or have parts."""

    def of(self, network: Network) -> list[str]:
        """The runs of a network."""
        return [str(folder) for (name, _), folder in self.folders.items() if name == network.name]

    @property
    def common(self) -> list[str]:
        """The runs of the classes that every network has a run of."""
        left_out = {target for _, target in self.without}
        return [str(folder) for (_, target), folder in self.folders.items() if target not in left_out]


def make_runs(client: Client, subject: Subject, out: Path) -> ClassRuns:
    """Makes the runs that are not there yet, with one cache of masks for all.

    Raises:
        VisumError: A folder or network is missing, or a run fails.
    """
    places = {name: folder_of(name, subject.images) for name in subject.classes}
    folders: dict[tuple[str, str], Path] = {}
    without = []
    for network in subject.networks:
        for name, images in places.items():
            folder = out / "runs" / network.name / images.name
            tell(f"{network.name}: {name}")
            try:
                client.summarize(
                    model=network.model,
                    weights=network.weights,
                    target=name,
                    images=images,
                    out=folder,
                    cache=out / "cache",
                    limit=subject.limit,
                    progress=False,
                    **subject.steps,
                )
            except TooFewImagesError as error:
                tell(f"{network.name}: {name} is left out: {error}")
                without.append((network.name, name))
            else:
                folders[network.name, name] = folder
    return ClassRuns(folders, without)
