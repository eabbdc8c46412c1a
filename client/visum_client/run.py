"""A run folder as an object."""

import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from visum_client.errors import RunFolderError
from visum_client.folder import RunFolder, read_json
from visum_client.notebook import run_html
from visum_client.records import Discarded, ImageRecord, Summary


class Run:
    """The results of a class run; each part of the folder is read when it is first asked for.

    Args:
        path: The run folder.

    Raises:
        RunFolderError: It is no run folder, or damaged.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.folder = RunFolder(Path(path))
        content = self.folder.read_run()
        if content is None:
            raise RunFolderError(f"{path} is not a run folder: it has no run.json")
        self._content = content

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Self:
        """The run of a folder. Raises RunFolderError where it is no run folder, or damaged."""
        return cls(path)

    @property
    def path(self) -> Path:
        """The run folder."""
        return self.folder.path

    @property
    def status(self) -> str:
        """running, complete or failed; running also where it was killed."""
        return str(self._content["status"])

    @property
    def configuration(self) -> dict[str, Any]:
        """Network, class, images and all options."""
        return dict(self._content["configuration"])

    @property
    def versions(self) -> dict[str, Any]:
        """Versions of the client and of the services."""
        return dict(self._content["versions"])

    @property
    def stages(self) -> dict[str, dict[str, Any]]:
        """Each stage: status, done, total, reused, seconds."""
        return dict(self._content["stages"])

    @property
    def report(self) -> Path:
        """The report, one self-contained HTML file."""
        return self.folder.report

    @cached_property
    def images(self) -> Sequence[ImageRecord]:
        """All images, also those that take no part. Raises RunFolderError before masks are done."""
        return tuple(ImageRecord.from_json(entry) for entry in read_json(self.folder.images)["images"])

    @cached_property
    def summaries(self) -> Sequence[Summary]:
        """The summaries, the one with most images first. Raises RunFolderError before the run is complete."""
        return tuple(Summary.from_json(entry) for entry in self._clusters["summaries"])

    @cached_property
    def discarded(self) -> Sequence[Discarded]:
        """Clusters that are no summaries, and why. Raises RunFolderError before the run is complete."""
        return tuple(Discarded.from_json(entry) for entry in self._clusters["discarded"])

    @cached_property
    def _clusters(self) -> dict[str, Any]:
        return dict(read_json(self.folder.summaries))

    def __repr__(self) -> str:
        configuration = self._content["configuration"]
        name, target = configuration["model"]["name"], configuration["target"]["name"]
        found = f", {len(self.summaries)} summaries" if self.status == "complete" else ""
        return f"<Run {self.path}: {name}, {target}, {self.status}{found}>"

    def _repr_html_(self) -> str:
        if self.status != "complete":
            return run_html(self.folder, self._content["configuration"], self.status, ())
        return run_html(self.folder, self._content["configuration"], self.status, self.summaries)
