"""Runs as dataset folders that FiftyOne imports as `COCODetectionDataset`: images in data/, labels in labels.json."""

import re
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PIL import Image, ImageOps

from visum_client.errors import InvalidInputError
from visum_client.export.coco import coco
from visum_client.export.placed_parts import original_frame, view_frame
from visum_client.files import write_json
from visum_client.images import ImageSource, find_images
from visum_client.records import ImageRecord

if TYPE_CHECKING:
    from visum_client.run import Run

_DATA = "data"
_LABELS = "labels.json"
_UNSAFE = re.compile(r"[^\w.-]+", re.ASCII)
_NAME_LENGTH = 80
_ORIENTATION = 0x0112
_UPRIGHT = 1


def write_fiftyone(run: "Run", folder: Path, images: ImageSource | None) -> None:
    """Writes a dataset folder: of the originals where `images` says where they are, else of the views.

    Raises:
        InvalidInputError: The folder is not empty, or an original is missing.
        RunFolderError: The run is not complete, or a file is missing or damaged.
    """
    records = run.used_images
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise InvalidInputError(f"{folder} is there already; name another, or remove it", "out")
    files = _views(run, records) if images is None else _originals(records, images)
    names = [_name(number, file, image) for number, (file, image) in enumerate(zip(files, records, strict=True))]
    content = coco(run, view_frame if images is None else original_frame, names)
    (folder / _DATA).mkdir(parents=True, exist_ok=True)
    for file, name in zip(files, names, strict=True):
        _copy_upright(file, folder / _DATA / name)
    write_json(folder / _LABELS, content)


def _views(run: "Run", records: Sequence[ImageRecord]) -> list[Path]:
    return [run.folder.view(image.digest or "") for image in records]


def _originals(records: Sequence[ImageRecord], source: ImageSource) -> list[Path]:
    """The originals by their digests, wherever they lie now and whatever they are called."""
    places = {image.digest: image.path for image in reversed(find_images(source))}
    for image in records:
        if image.digest not in places:
            raise InvalidInputError(f"there is no {image.path} with the digest that the run tells", "images")
    return [places[image.digest] for image in records]


def _name(number: int, file: Path, image: ImageRecord) -> str:
    """A file name that people recognize and that means nothing to a shell or a file system."""
    stem = _UNSAFE.sub("_", Path(image.path).stem)[:_NAME_LENGTH]
    return f"{number:04}-{stem}{file.suffix.lower()}"


def _copy_upright(source: Path, destination: Path) -> None:
    """Copies an image, upright: FiftyOne counts pixels as they are stored, whatever EXIF says."""
    with Image.open(source) as image:
        if image.getexif().get(_ORIENTATION, _UPRIGHT) == _UPRIGHT:
            shutil.copyfile(source, destination)
        else:
            ImageOps.exif_transpose(image).save(destination, quality=95)
