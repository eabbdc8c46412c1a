"""The tags of a run's images or parts, and how alike they are within its summaries."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from visum_client import Run
from visum_client.records import Part
from visum_client.report.views import read_view
from visum_evaluation.coherency.agreement import TagSet
from visum_evaluation.coherency.semantics import Semantics, measure_semantics
from visum_evaluation.coherency.taggers import Picture, Tagger

IMAGES, PARTS = "images", "parts"
"""What is tagged: the whole view of an image, as in the paper, or the crop of each part."""
LEAST_CROP_PX = 32
"""Smaller parts are tagged with their surroundings."""


def measure_run(run: Run, tagger: Tagger, kind: str) -> Semantics | None:
    """Distances of tags within the summaries of a run, beside random samples.

    Args:
        run: A complete run.
        tagger: Gives the tags.
        kind: IMAGES: samples are drawn from all images that take part; PARTS: from the members of all summaries.

    Returns:
        As `measure_semantics`.
    """
    tags = _image_tags(run, tagger) if kind == IMAGES else _part_tags(run, tagger)
    key = _image_key if kind == IMAGES else _part_key
    return measure_semantics({item.id: [key(part) for part in item.members] for item in run.summaries}, tags)


def _image_tags(run: Run, tagger: Tagger) -> Mapping[str, TagSet]:
    paths = {image.digest or "": image.path for image in run.used_images}
    return {digest: tagger.tags(Picture(path, read_view(run.folder, digest))) for digest, path in paths.items()}


def _part_tags(run: Run, tagger: Tagger) -> Mapping[str, TagSet]:
    parts = [part for summary in run.summaries for part in summary.members]
    crops = ((part, crop(read_view(run.folder, part.image), part)) for part in parts)
    return {_part_key(part): tagger.tags(Picture(part.path, picture)) for part, picture in crops}


def _image_key(part: Part) -> str:
    return part.image


def _part_key(part: Part) -> str:
    return f"{part.image} {part.part}"


def crop(view: NDArray[np.uint8], part: Part) -> NDArray[np.uint8]:
    """The square of a view around a part, at least 32 pixels a side, inside the view."""
    x0, y0, x1, y1 = part.box
    side = min(max(x1 - x0, y1 - y0, LEAST_CROP_PX), *view.shape[:2])
    left, top = (
        int(np.clip((low + high - side) // 2, 0, size - side))
        for low, high, size in ((x0, x1, view.shape[1]), (y0, y1, view.shape[0]))
    )
    return view[top : top + side, left : left + side]
