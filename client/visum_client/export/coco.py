"""Runs in the format of COCO's annotations: categories are summaries, annotations are their members."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from visum_client.export.placed_parts import Frame, PlacedPart, placed_parts, tight_box
from visum_client.records import ImageRecord, Summary

if TYPE_CHECKING:
    from visum_client.run import Run


def coco(run: "Run", frame_of: Callable[[ImageRecord], Frame], names: Sequence[str]) -> dict[str, Any]:
    """A run as COCO's annotations.

    Args:
        run: A complete run.
        frame_of: The frame of an image, in whose pixels masks and boxes are told.
        names: File names of the images that take part, in the order of the run.

    Raises:
        RunFolderError: The run is not complete, or a file is missing or damaged.
    """
    model, target = run.configuration["model"], run.configuration["target"]
    images, annotations = [], []
    for number, (image, name) in enumerate(zip(run.used_images, names, strict=True), start=1):
        frame = frame_of(image)
        images.append({"id": number, "file_name": name, **_sizes(frame), "path": image.path, "sha256": image.digest})
        annotations += [_annotation(placed, number) for placed in placed_parts(run, image, frame)]
    return {
        "info": {"description": f"Visual summaries of {target['name']} for {model['name']}", "model": model},
        "licenses": [],
        "categories": [_category(summary, target["name"]) for summary in run.summaries],
        "images": images,
        "annotations": [{"id": number, **entry} for number, entry in enumerate(annotations, start=1)],
    }


def run_lengths(pixels: NDArray[np.bool_]) -> dict[str, list[int]]:
    """A mask, bool [H, W], as COCO's uncompressed run lengths: column by column, false pixels first."""
    columns = pixels.ravel(order="F")
    changes = np.flatnonzero(np.diff(columns, prepend=False)) if columns.size else np.empty(0, np.intp)
    return {"size": list(pixels.shape), "counts": np.diff(changes, prepend=0, append=columns.size).tolist()}


def _sizes(frame: Frame) -> dict[str, int]:
    return {"width": frame.width, "height": frame.height}


def _category(summary: Summary, target: str) -> dict[str, Any]:
    figures = {"images": summary.images, "drop": summary.drop, "ssim": summary.ssim}
    return {"id": summary.index + 1, "name": summary.id, "supercategory": target, **figures}


def _annotation(placed: PlacedPart, image: int) -> dict[str, Any]:
    x0, y0, x1, y1 = tight_box(placed.pixels)
    part = placed.part
    entry = {
        "image_id": image,
        "category_id": placed.summary.index + 1,
        "bbox": [x0, y0, x1 - x0, y1 - y0],
        "area": int(placed.pixels.sum()),
        "segmentation": run_lengths(placed.pixels),
        "iscrowd": 0,
        "rank": placed.rank,
        "similarity": part.similarity,
        "drop_log_odds": part.drop_log_odds,
    }
    return entry if part.drop is None else entry | {"score": min(max(part.drop, 0.0), 1.0)}
