"""What a run folder holds, as the report shows it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from visum_client.errors import RunFolderError
from visum_client.folder import FORMAT, RunFolder, read_json
from visum_client.records import Discarded, ImageRecord, Summary

_DIGEST = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Clustering:
    """How the parts were grouped."""

    summaries: tuple[Summary, ...]
    discarded: tuple[Discarded, ...]
    singletons: int
    redundant: int
    converged: bool


@dataclass(frozen=True)
class Contents:
    """Everything of a run folder that the report shows."""

    folder: RunFolder
    run: Mapping[str, Any]  # run.json
    images: tuple[ImageRecord, ...]
    clustering: Clustering | None  # None: the run has not come so far

    @property
    def model(self) -> str:
        """Name of the network."""
        return str(self.run["configuration"]["model"]["name"])

    @property
    def target(self) -> str:
        """Name of the class."""
        return str(self.run["configuration"]["target"]["name"])

    @property
    def used(self) -> dict[str, ImageRecord]:
        """The images that took part, by digest, in the order of the run."""
        return {image.digest: image for image in self.images if image.status == "used" and image.digest}

    @property
    def unrecognized(self) -> tuple[ImageRecord, ...]:
        """The images that the network takes for another class."""
        return tuple(image for image in self.images if image.status == "unrecognized")

    @property
    def failed(self) -> tuple[ImageRecord, ...]:
        """The images that could not be used."""
        return tuple(image for image in self.images if image.status not in ("used", "unrecognized"))


def read_contents(path: Path) -> Contents:
    """Reads run.json, images.json and summaries.json; an unfinished run may lack the latter two.

    Raises:
        RunFolderError: There is no run.json, or a file is damaged, of another format version, or not what it must be.
    """
    folder = RunFolder(path)
    run = folder.read_run()
    if run is None:
        raise RunFolderError(f"{path} is not a run folder: it has no run.json")
    try:
        contents = Contents(folder, run, _read_images(folder), _read_clustering(folder))
        _ = contents.model, contents.target
    except (KeyError, TypeError, AttributeError) as error:
        raise RunFolderError(f"{path} does not have the format {FORMAT}: {error!r}") from error
    _check_members(contents)
    return contents


def is_digest(text: str) -> bool:
    """True for a SHA-256 in hexadecimal, which may become a file name."""
    return _DIGEST.fullmatch(text) is not None


def _read_images(folder: RunFolder) -> tuple[ImageRecord, ...]:
    if not folder.images.exists():
        return ()
    images = tuple(ImageRecord.from_json(record) for record in _read_records(folder.images)["images"])
    for image in images:
        # Digests become file names, and a run folder may come from someone else.
        if image.digest is not None and not is_digest(image.digest):
            raise RunFolderError(f"{folder.images}: digest {image.digest!r} is not 64 hexadecimal digits")
    return images


def _read_clustering(folder: RunFolder) -> Clustering | None:
    if not folder.summaries.exists():
        return None
    content = _read_records(folder.summaries)
    return Clustering(
        summaries=tuple(Summary.from_json(entry) for entry in content["summaries"]),
        discarded=tuple(Discarded.from_json(entry) for entry in content.get("discarded") or ()),
        singletons=content.get("singletons") or 0,
        redundant=content.get("redundant") or 0,
        converged=content.get("converged") is not False,
    )


def _read_records(path: Path) -> Any:
    content = read_json(path)
    if content["format"] != FORMAT:
        raise RunFolderError(f"{path} is not of format {FORMAT}, which this version of visum reads")
    return content


def _check_members(contents: Contents) -> None:
    clustering = contents.clustering
    if clustering is None:
        return
    used = contents.used
    clusters: tuple[Summary | Discarded, ...] = (*clustering.summaries, *clustering.discarded)
    for cluster in clusters:
        if not cluster.members:
            raise RunFolderError(f"{contents.folder.summaries}: a cluster without members")
        for member in cluster.members:
            if member.image not in used:
                raise RunFolderError(f"{contents.folder.summaries}: {member.image} is not a used image of images.json")
