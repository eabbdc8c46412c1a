"""Writes a run in a format of other tools."""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from visum_client.errors import InvalidInputError
from visum_client.export.coco import coco
from visum_client.export.fiftyone import write_fiftyone
from visum_client.export.labelstudio import labelstudio
from visum_client.export.placed_parts import original_frame
from visum_client.export.table import table
from visum_client.files import write_atomically, write_json
from visum_client.images import ImageSource

if TYPE_CHECKING:
    from visum_client.run import Run

SUFFIXES = {"coco": ".coco.json", "fiftyone": ".fiftyone", "csv": ".csv", "labelstudio": ".labelstudio.json"}
"""The formats, and how the names of their files end where none is given."""


def export_run(
    run: "Run", kind: str, out: str | os.PathLike[str] | None = None, images: ImageSource | None = None
) -> Path:
    """Writes a run in a format of `SUFFIXES`; described at `Run.export`."""
    if kind not in SUFFIXES:
        raise InvalidInputError(f"is {kind!r}, must be one of {', '.join(SUFFIXES)}", "format")
    if images is not None and kind != "fiftyone":
        raise InvalidInputError(f"are copied in the format fiftyone only, not in {kind}", "images")
    path = Path(f"{run.path.resolve().name}{SUFFIXES[kind]}" if out is None else out)
    if not path.absolute().parent.is_dir():
        raise InvalidInputError(f"{path.absolute().parent} is not a folder", "out")
    if kind == "coco":
        write_json(path, coco(run, original_frame, [image.path for image in run.used_images]))
    elif kind == "labelstudio":
        write_json(path, labelstudio(run))
    elif kind == "csv":
        write_atomically(path, table(run).encode("utf-8"))
    else:
        write_fiftyone(run, path, images)
    return path
