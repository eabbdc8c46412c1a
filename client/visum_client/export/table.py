"""Runs as CSV: a row a member of a summary."""

import csv
import io
from typing import TYPE_CHECKING

from visum_client.export.placed_parts import original_frame
from visum_client.score import original_box

if TYPE_CHECKING:
    from visum_client.run import Run

_VIEW = ("view_x0", "view_y0", "view_x1", "view_y1")
_ORIGINAL = ("x0", "y0", "x1", "y1")
_FIGURES = ("region", "similarity", "drop", "drop_log_odds", "placed_log_odds")
COLUMNS = ("model", "target", "summary", "rank", "image", "path", *_ORIGINAL, *_VIEW, *_FIGURES)
"""The columns; x0 to y1 are pixels of the upright original, cut at its borders."""


def table(run: "Run") -> str:
    """The members of all summaries, by summary and rank, with a line of names.

    Raises:
        RunFolderError: The run is not complete, or a file is damaged.
    """
    frames = {image.digest: original_frame(image) for image in run.used_images}
    network = (run.configuration["model"]["name"], run.configuration["target"]["name"])
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for summary in run.summaries:
        for rank, part in enumerate(summary.members):
            frame = frames[part.image]
            ends = (frame.width, frame.height, frame.width, frame.height)
            box = original_box(part.box, frame.from_view)
            places = [round(min(max(edge, 0.0), end), 2) for edge, end in zip(box, ends, strict=True)]
            figures = [getattr(part, name) for name in _FIGURES]
            writer.writerow([*network, summary.id, rank, part.image, part.path, *places, *part.box, *figures])
    return text.getvalue()
