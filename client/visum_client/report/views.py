"""The views and masks of a run folder, decoded."""

import io
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from visum_client.errors import RunFolderError
from visum_client.folder import RunFolder
from visum_client.report.pictures import Pixels
from visum_wire import InvalidInput, mask_from_png, regions_from_png

Map = TypeVar("Map", bound=np.generic)


def read_jpeg(folder: RunFolder, digest: str) -> bytes:
    """The view of an image as it is stored. Raises RunFolderError where there is none."""
    return _read(folder.view(digest))


def read_view(folder: RunFolder, digest: str) -> Pixels:
    """The view of an image, uint8 [H, W, 3]. Raises RunFolderError where there is none, or it is damaged."""
    jpeg = io.BytesIO(read_jpeg(folder, digest))
    try:
        return np.asarray(Image.open(jpeg).convert("RGB"))
    except OSError as error:
        raise RunFolderError(f"{folder.view(digest)} is damaged: {error}") from error


def read_mask(folder: RunFolder, digest: str) -> NDArray[np.bool_]:
    """The binary mask of an image, bool [H, W], true where salient. Raises RunFolderError as `read_view`."""
    return _decoded(mask_from_png, folder.mask(digest))


def read_regions(folder: RunFolder, digest: str) -> NDArray[np.int32]:
    """The region map of an image, int32 [H, W]: i inside region i, else 0. Raises RunFolderError as `read_view`."""
    return _decoded(regions_from_png, folder.mask(digest, "regions"))


def _decoded(decode: Callable[[bytes, str], NDArray[Map]], path: Path) -> NDArray[Map]:
    try:
        return decode(_read(path), path.name)
    except InvalidInput as error:
        raise RunFolderError(f"{path} is damaged: {error.message}") from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise RunFolderError(f"{path} cannot be read: {error.strerror}") from error
