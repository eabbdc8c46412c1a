"""Where summaries lie in the original images, whatever each network's view of them is."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visum_client.errors import RunFolderError
from visum_client.records import ImageRecord, Part
from visum_client.report.contents import Contents
from visum_client.report.pictures import part_pixels
from visum_client.report.views import read_regions

Pixels = NDArray[np.bool_]

GRID_SIDE = 512
"""Original pixels are compared on a grid of at most so many cells a side: every pixel of a small image, every n-th of
a large one."""


@dataclass(frozen=True)
class Places:
    """What one run marks in one image, on the grid of the original; bool [h, w] each."""

    summaries: dict[str, Pixels]
    """Pixels of each summary that the image belongs to, by its id."""
    mask: Pixels
    """Pixels of all regions of the mask."""


def find_places(contents: Contents, digest: str) -> Places:
    """What a run marks in one of its used images.

    Raises:
        RunFolderError: The region map is missing or damaged, or the image has no sizes.
    """
    image = contents.used[digest]
    rows, columns = _sampled(image)
    regions = read_regions(contents.folder, digest)
    clustering = contents.clustering
    found = {
        summary.id: _on_grid(
            _united(regions, (part for part in summary.members if part.image == digest)), rows, columns
        )
        for summary in (clustering.summaries if clustering else ())
        if any(part.image == digest for part in summary.members)
    }
    return Places(found, _on_grid(regions > 0, rows, columns))


def _united(regions: NDArray[np.int32], parts: Iterable[Part]) -> Pixels:
    pixels = np.zeros(regions.shape, dtype=np.bool_)
    for part in parts:
        pixels |= part_pixels(regions, part.box, part.region)
    return pixels


def _sampled(image: ImageRecord) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """View rows and columns that lie under the centres of the grid's cells; outside the view where it was cropped."""
    to_original = image.view_to_original
    if image.original_size is None or to_original is None:
        raise RunFolderError(f"{image.path}: the run does not say where its view lies in the original")
    width, height = image.original_size
    step = max(1, -(-max(width, height) // GRID_SIDE))
    ys, xs = (np.arange(step / 2, side, step) for side in (height, width))
    rows, columns = (ys - to_original.y0) / to_original.yy, (xs - to_original.x0) / to_original.xx
    return np.floor(rows).astype(np.int64), np.floor(columns).astype(np.int64)


def _on_grid(pixels: Pixels, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> Pixels:
    height, width = pixels.shape
    seen = pixels[np.clip(rows, 0, height - 1)[:, None], np.clip(columns, 0, width - 1)[None, :]]
    inside_rows, inside_columns = (rows >= 0) & (rows < height), (columns >= 0) & (columns < width)
    return seen & inside_rows[:, None] & inside_columns[None, :]
