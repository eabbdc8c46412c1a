"""Finds the images of a class: a folder, a glob, a list, or a text file that lists them; here or in an object store."""

import glob
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

from visum_client.errors import InvalidInputError
from visum_client.files import file_digest
from visum_client.remote_images import RemotePlace, is_uri

IMAGE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff", ".gif"})
"""Files of a folder that are taken for images."""

ImageSource = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]
"""A folder, a glob, a .txt file with a path a line, a single image, or a list of paths; each may be a URI (s3://, gs://)."""

Located = tuple[Path | str, str]
"""Path or URI of an image, and its label."""
Downloads = Callable[[], Path]
"""Gives the folder for copies of remote images; asked where there are any."""
_DOWNLOADS_AT_ONCE = 8


@dataclass(frozen=True)
class ImageFile:
    """An image on the disk."""

    path: Path
    """Where it is."""
    label: str
    """How people see it: relative to the parent of the folder that was given, else as given."""
    digest: str | None
    """SHA-256 of the file; None where it cannot be read."""
    problem: str | None = None
    """Why it takes no part; None if nothing speaks against it."""
    is_duplicate: bool = False
    """True where an earlier image is the same file."""


def find_images(source: ImageSource, limit: int | None = None, downloads: Downloads | None = None) -> list[ImageFile]:
    """The images of a source, sorted by path, with their digests.

    What cannot be read, and a second file of the same content, is listed with its problem.

    Args:
        source: Where they are.
        limit: Take the first so many; None takes all.
        downloads: Gives the folder for copies of images that are given by URI; None: URIs are refused.

    Raises:
        InvalidInputError: There is nothing there, or no image; names the place.
    """
    if limit is not None and limit < 1:
        raise InvalidInputError(f"is {limit}, must be at least 1", "limit")
    found = sorted(_located(source), key=lambda located: (str(located[0]), located[1]))[:limit]
    if not found:
        raise InvalidInputError(f"no images in {_described(source)}", "images")
    with ThreadPoolExecutor(_DOWNLOADS_AT_ONCE) as pool:
        paths = pool.map(lambda located: _local(located[0], downloads), found)
        return _without_repeats(_read(path, label) for path, (_, label) in zip(paths, found, strict=True))


def _located(source: ImageSource) -> list[Located]:
    """Path or URI, and label, of each image of a source."""
    if not isinstance(source, str | os.PathLike):
        return [located for entry in source for located in _single(entry)]
    if is_uri(source):
        return [located for located in RemotePlace(str(source)).files() if has_image_suffix(located[0])]
    path = Path(source)
    if path.is_dir():
        return [(file, _relative(file, path)) for file in path.iterdir() if _is_image(file)]
    if path.suffix.lower() == ".txt" and path.is_file():
        return _listed(path)
    if path.is_file():
        return [_existing(path)]
    if glob.has_magic(str(source)):
        matches = (Path(match) for match in glob.glob(str(source), recursive=True))
        return [_existing(match) for match in matches if match.is_file()]
    raise InvalidInputError(f"{source} does not exist", "images")


def _single(entry: str | os.PathLike[str], folder: Path = Path()) -> list[Located]:
    """An entry of a list."""
    return [(str(entry), str(entry))] if is_uri(entry) else [_existing(folder / entry)]


def _local(place: Path | str, downloads: Downloads | None) -> Path:
    if isinstance(place, Path):
        return place
    if downloads is None:
        raise InvalidInputError(f"{place} is a URI; files of this machine are needed here", "images")
    return RemotePlace(place).download(downloads())


def _listed(path: Path) -> list[Located]:
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise InvalidInputError(f"{path} is not a text file in UTF-8", "images") from error
    names = [line.strip() for line in lines]
    wanted = [name for name in names if name and not name.startswith("#")]
    return [located for name in wanted for located in _single(name, path.parent)]


def _existing(path: Path) -> tuple[Path, str]:
    if path.is_dir():
        raise InvalidInputError(f"{path} is a folder; give its images, or the folder alone", "images")
    if not path.exists():
        raise InvalidInputError(f"{path} does not exist", "images")
    return path, _printable(path)


def has_image_suffix(name: str | Path) -> bool:
    """True for names that are taken for images: by their suffix, and not hidden."""
    path = Path(name)
    return path.suffix.lower() in IMAGE_SUFFIXES and not path.name.startswith(".")


def _is_image(path: Path) -> bool:
    return has_image_suffix(path) and path.is_file()


def _relative(file: Path, folder: Path) -> str:
    return _printable(Path(folder.resolve().name) / file.name)


def _printable(path: Path) -> str:
    return os.fsencode(path).decode("utf-8", "replace")


def _read(path: Path, label: str) -> ImageFile:
    try:
        return ImageFile(path, label, file_digest(path))
    except OSError as error:
        return ImageFile(path, label, None, f"cannot be read: {error.strerror}")


def _without_repeats(images: Iterable[ImageFile]) -> list[ImageFile]:
    first: dict[str, ImageFile] = {}
    listed = []
    for image in images:
        original = first.setdefault(image.digest, image) if image.digest is not None else image
        problem = f"the same file as {original.label}"
        listed.append(image if original is image else replace(image, problem=problem, is_duplicate=True))
    return listed


def _described(source: ImageSource) -> str:
    if isinstance(source, str | os.PathLike):
        suffixes = ", ".join(sorted(IMAGE_SUFFIXES))
        is_folder = is_uri(source) or Path(source).is_dir()
        return f"{source} (image files end in {suffixes})" if is_folder else str(source)
    return "the list given"
