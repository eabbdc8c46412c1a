"""A run folder as an object."""

import importlib
import os
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from visum_client.errors import RunFolderError, VisumError
from visum_client.export.formats import export_run
from visum_client.folder import RunFolder, read_json
from visum_client.images import ImageSource
from visum_client.notebook import run_html
from visum_client.records import Discarded, ImageRecord, Summary
from visum_client.tags import Tags, read_tags_of

_COLUMNS = (
    *("summary", "rank", "image", "path", "x0", "y0", "x1", "y1", "region", "similarity"),
    *("drop", "drop_log_odds", "placed_log_odds"),
)


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
        images = tuple(ImageRecord.from_json(entry) for entry in read_json(self.folder.images)["images"])
        for image in images:
            if image.mask is not None:
                image.mask.located(self.path, image.digest or "")
        return images

    @property
    def used_images(self) -> Sequence[ImageRecord]:
        """The images that take part. Raises RunFolderError as `images`."""
        return [image for image in self.images if image.status == "used" and image.digest]

    @cached_property
    def summaries(self) -> Sequence[Summary]:
        """The summaries, the one with most images first. Raises RunFolderError before the run is complete."""
        return tuple(Summary.from_json(entry).located(self.path) for entry in self._clusters["summaries"])

    @cached_property
    def discarded(self) -> Sequence[Discarded]:
        """Clusters that are no summaries, and why. Raises RunFolderError before the run is complete."""
        return tuple(Discarded.from_json(entry) for entry in self._clusters["discarded"])

    def to_dataframe(self) -> Any:
        """The members of all summaries as a pandas.DataFrame, a row a member.

        Columns: summary, rank (0: the exemplar), image (digest), path, x0, y0, x1, y1 (view pixels), region,
        similarity, drop, drop_log_odds, placed_log_odds.

        Raises:
            VisumError: pandas is not installed.
            RunFolderError: The run is not complete.
        """
        try:
            pandas = importlib.import_module("pandas")
        except ImportError as error:
            raise VisumError("to_dataframe needs pandas: pip install pandas") from error
        rows = [_row(summary, rank) for summary in self.summaries for rank in range(len(summary.members))]
        return pandas.DataFrame(rows, columns=_COLUMNS)

    def export(self, format: str, out: str | os.PathLike[str] | None = None, images: ImageSource | None = None) -> Path:
        """Writes the summaries for other tools; returns where.

        Args:
            format: coco (categories are summaries, with masks, boxes and scores in pixels of the originals), fiftyone
                (a folder that FiftyOne imports as COCODetectionDataset), csv (a row a part) or labelstudio (tasks whose
                predictions are masks and boxes).
            out: The file, or of fiftyone the folder; None: the run's name with .coco.json, .fiftyone, .csv or
                .labelstudio.json, in the current folder.
            images: For fiftyone, where the originals are now; they are found by their digests. None: the views of the
                run, with masks and boxes in their pixels.

        Raises:
            InvalidInputError: There is no such format, the folder is not empty, or an original is missing.
            RunFolderError: The run is not complete, or a file is missing or damaged.
        """
        return export_run(self, format, out, images)

    def read_tags(self, *paths: str | os.PathLike[str]) -> Sequence[Tags]:
        """What people call the summaries, from files that the report's page downloaded, one a person.

        Raises:
            InvalidInputError: A file is damaged, of other summaries, or given twice.
            RunFolderError: The run is not complete.
        """
        return read_tags_of(self.summaries, paths)

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


def _row(summary: Summary, rank: int) -> tuple[Any, ...]:
    part = summary.members[rank]
    drops = (part.drop, part.drop_log_odds, part.placed_log_odds)
    return (summary.id, rank, part.image, part.path, *part.box, part.region, part.similarity, *drops)
