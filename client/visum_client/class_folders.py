"""A folder of folders, each with the images of one class."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from visum_client.errors import InvalidInputError, NotFoundError, VisumError
from visum_client.remote_images import RemotePlace, is_uri
from visum_client.run import Run
from visum_client.targets import find_class_of_folder


@dataclass(frozen=True)
class ClassFolder:
    """The images of one class."""

    name: str
    """Name of the folder."""
    images: str
    """Path or URI of the folder."""
    target: int
    """Index of the class."""


@dataclass(frozen=True)
class ClassRun:
    """What became of one class of several."""

    name: str
    """Name of its folder."""
    target: int
    """Index of the class."""
    run: Run | None
    """The run; None where there is none."""
    error: VisumError | OSError | None = None
    """Why there is none."""


def class_folders(source: str | os.PathLike[str], classes: Sequence[str]) -> list[ClassFolder]:
    """The folders of a folder, each with the class that it is named after, sorted by name.

    A name is that of a class, with or without a WordNet number before it, or an index. Where no name is that of a
    class, but there are as many folders as classes, they count in sorted order.

    Raises:
        InvalidInputError: There are no folders, or one is named after no class; suggests near names.
    """
    places = _places(source)
    if not places:
        raise InvalidInputError(f"{os.fspath(source)} has no folders, one a class", "images")
    known: dict[str, int] = {}
    unknown: dict[str, NotFoundError] = {}
    for name in places:
        try:
            known[name] = find_class_of_folder(name, classes)
        except NotFoundError as error:
            unknown[name] = error
    if not known and len(unknown) == len(classes):
        known, unknown = {name: target for target, name in enumerate(places)}, {}
    if unknown:
        name, reason = next(iter(unknown.items()))
        others = f" and {len(unknown) - 1} others" if len(unknown) > 1 else ""
        raise InvalidInputError(f"folder {name!r}{others} of {os.fspath(source)}: {reason.message}", "images")
    return [ClassFolder(name, place, known[name]) for name, place in places.items()]


def _places(source: str | os.PathLike[str]) -> dict[str, str]:
    """Path or URI of each folder by its name, sorted."""
    if is_uri(source):
        place = RemotePlace(str(source))
        return {name: f"{place.uri.rstrip('/')}/{name}/" for name in place.folders()}
    path = Path(source)
    if not path.is_dir():
        raise InvalidInputError(f"{path} is not a folder of folders, one a class", "images")
    folders = sorted(entry for entry in path.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    return {folder.name: str(folder) for folder in folders}
