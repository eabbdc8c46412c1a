"""The parts of a run's summaries as pixels of the originals, or of the views."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from visum_client.errors import RunFolderError
from visum_client.records import Box, ImageRecord, Part, Summary, ViewToOriginal
from visum_client.report.pictures import part_pixels
from visum_client.report.views import read_regions

if TYPE_CHECKING:
    from visum_client.run import Run

_VIEW_ITSELF = ViewToOriginal(1.0, 1.0, 0.0, 0.0)


@dataclass(frozen=True, eq=False)
class PlacedPart:
    """A member of a summary in one image."""

    summary: Summary
    """Its summary."""
    rank: int
    """0: the exemplar, then by falling similarity."""
    part: Part
    """The member."""
    pixels: NDArray[np.bool_]
    """Its pixels, [height, width] of the frame."""


@dataclass(frozen=True)
class Frame:
    """What pixels are counted in."""

    width: int
    """Pixels."""
    height: int
    """Pixels."""
    from_view: ViewToOriginal
    """The map from view pixels to those of this frame."""


def original_frame(image: ImageRecord) -> Frame:
    """The upright original of an image. Raises RunFolderError where the run does not tell its size."""
    if image.original_size is None or image.view_to_original is None:
        raise RunFolderError(f"images.json does not tell the size of {image.path}")
    return Frame(*image.original_size, image.view_to_original)


def view_frame(image: ImageRecord) -> Frame:
    """The view of an image. Raises RunFolderError where the run does not tell its size."""
    if image.view_size is None:
        raise RunFolderError(f"images.json does not tell the size of {image.path}")
    return Frame(*image.view_size, _VIEW_ITSELF)


def placed_parts(run: "Run", image: ImageRecord, frame: Frame) -> Iterator[PlacedPart]:
    """The members of all summaries in one image, by summary and rank; those without a pixel in the frame are left out.

    Raises:
        RunFolderError: A file of the run is missing or damaged.
    """
    found = [
        (summary, rank, part)
        for summary in run.summaries
        for rank, part in enumerate(summary.members)
        if part.image == image.digest
    ]
    if not found:
        return
    regions = read_regions(run.folder, image.digest or "")
    for summary, rank, part in found:
        pixels = moved(part_pixels(regions, part.box, part.region), frame)
        if pixels.any():
            yield PlacedPart(summary, rank, part, pixels)


def moved(pixels: NDArray[np.bool_], frame: Frame) -> NDArray[np.bool_]:
    """Pixels of the view, bool [H, W], in a frame: true where a pixel's centre lies in a true pixel of the view."""
    to_frame = frame.from_view
    rows, row_inside = _sources(frame.height, to_frame.yy, to_frame.y0, pixels.shape[0])
    columns, column_inside = _sources(frame.width, to_frame.xx, to_frame.x0, pixels.shape[1])
    return pixels[np.ix_(rows, columns)] & row_inside[:, None] & column_inside


def tight_box(pixels: NDArray[np.bool_]) -> Box:
    """The smallest box around the true pixels; there must be some."""
    rows, columns = np.flatnonzero(pixels.any(axis=1)), np.flatnonzero(pixels.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _sources(length: int, scale: float, start: float, view_length: int) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """For each pixel along an axis of the frame: its pixel in the view, and whether it has one."""
    places = np.floor((np.arange(length) + 0.5 - start) / scale).astype(np.intp)
    return places.clip(0, view_length - 1), (places >= 0) & (places < view_length)
