"""Images whose class is known: a folder a class."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from visum_client.errors import InvalidInputError, NotFoundError
from visum_client.images import ImageFile, find_images
from visum_client.targets import find_class_of_folder

_log = logging.getLogger("visum_client")


@dataclass(frozen=True)
class LabelledImage:
    """An image on the disk, and what it shows."""

    file: ImageFile
    """The file; it could be read."""
    target: int
    """Index of its class."""

    @property
    def digest(self) -> str:
        """SHA-256 of the file."""
        return self.file.digest or ""


def find_labelled_images(folder: Path, classes: Sequence[str], field: str) -> list[LabelledImage]:
    """The images of `<folder>/<class>/`, a class by name, by index, or as n02099601_golden_retriever.

    What cannot be read is left out with a warning, a second file of the same content in silence.

    Args:
        folder: The folder of the classes.
        classes: Names of the network's classes.
        field: The parameter that an error names.

    Raises:
        InvalidInputError: There is no such folder, it has no folders of classes, one of them has no images, or two of
            them hold the same file.
        NotFoundError: A folder is called like no class of the network.
    """
    if not folder.is_dir():
        raise InvalidInputError(f"{folder} is not a folder", field)
    groups = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    if not groups:
        raise InvalidInputError(f"{folder} has no folders; it must have one for each class", field)
    found = [image for group in groups for image in _images_of(group, _class_of(group, classes, field), field)]
    _check_distinct(found, field)
    return found


def _images_of(group: Path, target: int, field: str) -> list[LabelledImage]:
    try:
        files = find_images(group)
    except InvalidInputError as error:
        raise InvalidInputError(error.message, field) from None
    for file in files:
        if file.problem is not None and not file.is_duplicate:
            _log.warning("%s: %s", file.label, file.problem)
    return [LabelledImage(file, target) for file in files if file.problem is None]


def _class_of(group: Path, classes: Sequence[str], field: str) -> int:
    try:
        return find_class_of_folder(group.name, classes)
    except NotFoundError as error:
        raise NotFoundError(f"{group}: {error.message}", field) from None


def _check_distinct(images: Sequence[LabelledImage], field: str) -> None:
    seen: dict[str, LabelledImage] = {}
    for image in images:
        other = seen.setdefault(image.digest, image)
        if other.target != image.target:
            raise InvalidInputError(f"{other.file.label} and {image.file.label} are the same file", field)
