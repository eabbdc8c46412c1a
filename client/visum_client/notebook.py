"""A run as a notebook shows it."""

import base64
import io
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from PIL import Image

from visum_client.folder import RunFolder
from visum_client.records import Part, Summary
from visum_client.report.wording import percent

_MEMBERS_SHOWN = 6
_PICTURE_HEIGHT = 96
_MARGIN = 0.15


def run_html(folder: RunFolder, configuration: Mapping[str, Any], status: str, summaries: Sequence[Summary]) -> str:
    """A heading and a row of pictures a summary."""
    network, target = configuration["model"]["name"], configuration["target"]["name"]
    heading = f"<b>{escape(target)}</b> as {escape(network)} sees it, {status}"
    rows = "".join(_row(folder, summary) for summary in summaries)
    return f"<div><p>{heading}: {len(summaries)} summaries</p><table>{rows}</table></div>"


def _row(folder: RunFolder, summary: Summary) -> str:
    pictures = "".join(_picture(folder, part) for part in summary.members[:_MEMBERS_SHOWN])
    text = f"<b>{escape(summary.id)}</b><br>{summary.images} images<br>drop {percent(summary.drop)}"
    return f'<tr><td style="text-align:left">{text}</td><td style="text-align:left">{pictures}</td></tr>'


def _picture(folder: RunFolder, part: Part) -> str:
    """The part's box with a little of what is around it."""
    try:
        with Image.open(folder.view(part.image)) as view:
            x0, y0, x1, y1 = part.box
            dx, dy = round((x1 - x0) * _MARGIN), round((y1 - y0) * _MARGIN)
            bounds = (max(0, x0 - dx), max(0, y0 - dy), min(view.width, x1 + dx), min(view.height, y1 + dy))
            crop = view.crop(bounds).convert("RGB")
    except OSError:
        return f"<span>{escape(part.path)}</span>"
    crop = crop.resize((max(1, round(crop.width * _PICTURE_HEIGHT / crop.height)), _PICTURE_HEIGHT))
    buffer = io.BytesIO()
    crop.save(buffer, format="JPEG", quality=85)
    data = base64.b64encode(buffer.getvalue()).decode()
    return f'<img alt="{escape(part.path)}" title="{escape(part.path)}" src="data:image/jpeg;base64,{data}"> '
