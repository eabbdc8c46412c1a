"""What a notebook shows of a run, a summary, a mask."""

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

import numpy as np

from visum_client.errors import RunFolderError
from visum_client.folder import RunFolder
from visum_client.records import Mask, Part, Summary
from visum_client.report.pictures import Pixels, close_frame, draw_part, to_data_uri, whole_frame
from visum_client.report.views import read_mask, read_regions, read_view
from visum_client.report.wording import counted, number, percent

_MEMBERS_SHOWN = 6
_ROW_SIDE = 96
_MEMBER_SIDE = 144
_MASK_SIDE = 224
_LEFT = 'style="text-align:left"'


def run_html(folder: RunFolder, configuration: Mapping[str, Any], status: str, summaries: Sequence[Summary]) -> str:
    """A heading and a row of pictures a summary."""
    network, target = configuration["model"]["name"], configuration["target"]["name"]
    heading = f"<b>{escape(target)}</b> as {escape(network)} sees it, {escape(status)}"
    rows = "".join(_row(folder, summary) for summary in summaries)
    count = "1 summary" if len(summaries) == 1 else f"{len(summaries)} summaries"
    return f"<div><p>{heading}: {count}</p><table>{rows}</table></div>"


def summary_html(path: Path, summary: Summary) -> str:
    """The figures of a summary of the run folder `path`, and all of its members, each with its drop."""
    folder = RunFolder(path)
    members = "".join(
        f'<figure style="display:inline-block;margin:0 6px 6px 0">{_picture(folder, part, _MEMBER_SIDE)}'
        f"<figcaption>{percent(part.drop)}</figcaption></figure>"
        for part in summary.members
    )
    return f"<div><p>{_figures(summary)}</p>{members}</div>"


def mask_html(path: Path, digest: str, mask: Mask) -> str:
    """An image of the run folder `path` with everything greyed but its mask, and what was measured of the mask."""
    folder = RunFolder(path)
    try:
        view, salient = read_view(folder, digest), read_mask(folder, digest)
        picture = _image(_drawn(view, salient), "mask")
    except RunFolderError as error:
        picture = f"<p>{escape(str(error))}</p>"
    regions = counted(len(mask.regions), "region")
    return f"<div>{picture}<p>{percent(mask.area)} of the image, {regions}, drop {percent(mask.drop_binary)}</p></div>"


def _row(folder: RunFolder, summary: Summary) -> str:
    pictures = " ".join(_picture(folder, part, _ROW_SIDE) for part in summary.members[:_MEMBERS_SHOWN])
    return f"<tr><td {_LEFT}>{_figures(summary)}</td><td {_LEFT}>{pictures}</td></tr>"


def _figures(summary: Summary) -> str:
    figures = [f"<b>{escape(summary.id)}</b>", counted(summary.images, "image"), f"drop {percent(summary.drop)}"]
    if summary.necessity is not None:
        figures.append(f"necessity {number(summary.necessity.mean)}")
    return "<br>".join(figures)


def _picture(folder: RunFolder, part: Part, side: int) -> str:
    """The part in red with its region, as the report draws it; its path where the folder lacks the picture."""
    try:
        view, regions = read_view(folder, part.image), read_regions(folder, part.image)
        frame = close_frame(regions, part.box, part.region, side)
        return _image(draw_part(view, regions, part.box, part.region, frame), part.path)
    except (RunFolderError, ValueError):
        return f"<span>{escape(part.path)}</span>"


def _drawn(view: Pixels, salient: Any) -> Pixels:
    height, width = salient.shape
    return draw_part(view, salient.astype(np.int32), (0, 0, 0, 0), 1, whole_frame(height, width, _MASK_SIDE))


def _image(pixels: Pixels, text: str) -> str:
    height, width, _ = pixels.shape
    title = escape(text)
    style = "display:inline-block"
    uri = to_data_uri(pixels)
    return f'<img alt="{title}" title="{title}" width="{width}" height="{height}" style="{style}" src="{uri}">'
