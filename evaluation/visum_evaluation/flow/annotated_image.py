"""Photographs with key points, as the data set PF-WILLOW holds them."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.io
import scipy.io.matlab
from numpy.typing import NDArray
from PIL import Image, UnidentifiedImageError

from visum_client.errors import InvalidInputError
from visum_proposals.boxes import VIEW_SIDE_PX

_KEY_POINTS = "pts_coord"
_MIN_IMAGES = 2
_MIN_KEY_POINTS = 3
_MAT_ERRORS = (scipy.io.matlab.MatReadError, OSError, ValueError, TypeError, NotImplementedError)


@dataclass(frozen=True)
class AnnotatedImage:
    """A photograph, resized to a shorter side of 224 pixels, and where its key points are."""

    name: str
    """File name without its ending."""
    sha256: str
    """Digest of the file, hexadecimal."""
    view: NDArray[np.uint8]
    """RGB, uint8 [H, W, 3]."""
    key_points: NDArray[np.float64]
    """(x, y) of each [K, 2], view pixels."""

    @property
    def object_box(self) -> NDArray[np.float64]:
        """The box (x0, y0, x1, y1) around the key points, view pixels."""
        return np.concatenate([self.key_points.min(axis=0), self.key_points.max(axis=0)])

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the view, pixels."""
        height, width = self.view.shape[:2]
        return width, height

    def mirrored(self) -> "AnnotatedImage":
        """The same photograph, left and right exchanged."""
        width, _ = self.size
        key_points = np.column_stack([width - self.key_points[:, 0], self.key_points[:, 1]])
        return AnnotatedImage(self.name, self.sha256, np.ascontiguousarray(self.view[:, ::-1]), key_points)


def load_subsets(folder: Path) -> Mapping[str, list[AnnotatedImage]]:
    """Reads the subsets of a data set, each a folder of `NAME.png` with `NAME.mat`.

    Args:
        folder: Holds one folder a subset; a `.mat` holds `pts_coord`, (x, y) of the key points [2, K], from 1 on.

    Returns:
        The images of each subset, by its name; both in the order of their names.

    Raises:
        InvalidInputError: There is no subset, or one has too few images, or a file is not as said; names the file.
    """
    files = {part.name: sorted(part.glob("*.png")) for part in sorted(folder.glob("*")) if part.is_dir()}
    subsets = {name: [_load(path) for path in paths] for name, paths in files.items() if paths}
    if not subsets:
        raise InvalidInputError("has no folder with photographs (.png) and key points (.mat)", str(folder))
    for name, images in subsets.items():
        if len(images) < _MIN_IMAGES or len({len(image.key_points) for image in images}) > 1:
            raise InvalidInputError("needs at least 2 images with equally many key points", str(folder / name))
    return subsets


def _load(path: Path) -> AnnotatedImage:
    try:
        data = path.read_bytes()
        with Image.open(path) as opened:
            picture = opened.convert("RGB")
    except (OSError, UnidentifiedImageError) as error:
        raise InvalidInputError("cannot be read as an image", str(path)) from error
    key_points = _load_key_points(path.with_suffix(".mat"))
    scale = VIEW_SIDE_PX / min(picture.size)
    size = (round(picture.width * scale), round(picture.height * scale))
    view = np.asarray(picture.resize(size, Image.Resampling.BILINEAR))
    # Matlab counts pixels from 1 and places a point on a pixel's middle.
    return AnnotatedImage(path.stem, hashlib.sha256(data).hexdigest(), view, (key_points - 0.5) * scale)


def _load_key_points(path: Path) -> NDArray[np.float64]:
    try:
        coordinates = np.asarray(scipy.io.loadmat(path)[_KEY_POINTS], dtype=np.float64)
    except (KeyError, *_MAT_ERRORS) as error:
        raise InvalidInputError(
            f"cannot be read as key points: it needs the variable {_KEY_POINTS}", str(path)
        ) from error
    if coordinates.ndim != 2 or coordinates.shape[0] != 2 or coordinates.shape[1] < _MIN_KEY_POINTS:
        raise InvalidInputError(f"has {_KEY_POINTS} of shape {coordinates.shape}, needs 2 x K, K from 3 on", str(path))
    if not np.isfinite(coordinates).all():
        raise InvalidInputError("has a key point that is not finite", str(path))
    return coordinates.T
