"""Draws the summaries of a comparison."""

import numpy as np
from numpy.typing import NDArray

from visum_client.compare.page import Cell
from visum_client.errors import RunFolderError
from visum_client.records import Part, Summary
from visum_client.report import wording
from visum_client.report.contents import Contents
from visum_client.report.figures import Picture
from visum_client.report.pictures import Frame, close_frame, draw_part, to_data_uri, whole_frame
from visum_client.report.views import read_regions, read_view

# Sides of pictures, pixels.
_WHOLE_SIDE = 384
_CLOSE_SIDE = 112
_CLOSE_UPS = 4
_NOWHERE = (0, 0, 0, 0)


def draw_summary(contents: Contents, summary: Summary, image: str | None) -> Cell:
    """A summary: one whole image, and close-ups of its first other members.

    Args:
        contents: The run of the summary.
        summary: The summary.
        image: Digest of the image to show; None, or of one that does not show it: its exemplar's.
    """
    shown = next((part for part in summary.members if part.image == image), summary.exemplar)
    others = [part for part in summary.members if part is not shown][:_CLOSE_UPS]
    title = wording.title(summary)
    facts = [f"{wording.counted(summary.images, 'image')}, drop {wording.percent(summary.drop)}"]
    if summary.necessity is not None:
        facts.append(f"necessity {wording.number(summary.necessity.mean)}")
    return Cell(
        title=title,
        facts=(", ".join(facts),),
        picture=_whole(contents, shown),
        alt=f"{contents.used[shown.image].path}: part of {title} in red",
        close_ups=tuple((_close(contents, part), f"another member of {title}") for part in others),
        is_absent=False,
    )


def draw_absence(contents: Contents, image: str | None, facts: tuple[str, ...]) -> Cell:
    """That a run has no such summary: an image with the run's mask; no picture where `image` is None."""
    if image is None:
        return Cell("no summary", facts, None, "", (), True)
    alt = f"{contents.used[image].path}: the mask in colour, no part"
    return Cell("no summary", facts, _whole(contents, Part(image, "", 0, _NOWHERE, 1, 0.0)), alt, (), True)


def _whole(contents: Contents, part: Part) -> Picture:
    regions = read_regions(contents.folder, part.image)
    height, width = regions.shape
    return _drawn(contents, part, regions, whole_frame(height, width, _WHOLE_SIDE))


def _close(contents: Contents, part: Part) -> Picture:
    regions = read_regions(contents.folder, part.image)
    return _drawn(contents, part, regions, close_frame(regions, part.box, part.region, _CLOSE_SIDE))


def _drawn(contents: Contents, part: Part, regions: NDArray[np.int32], frame: Frame) -> Picture:
    view = read_view(contents.folder, part.image)
    if view.shape[:2] != regions.shape:
        raise RunFolderError(f"{contents.folder.view(part.image)} and its region map differ in size")
    pixels = draw_part(view, regions, part.box, part.region, frame)
    return Picture(to_data_uri(pixels), frame.width, frame.height)
