"""Draws the picture of the concepts page: ``python -m visum_demo.concept_picture --run runs/demo``."""

import argparse
from pathlib import Path

from PIL import Image, ImageDraw

from visum_client import Part, Run

_SIDE = 180
_GAP = 8
_COLOURS = ((0, 0, 0), (230, 159, 0), (86, 180, 233), (0, 158, 115), (213, 94, 0), (204, 121, 167), (240, 228, 66))
"""Of the background and the regions: Okabe and Ito's, told apart by everybody."""
_BOX = (255, 0, 255)


def main() -> None:
    """Writes a row an image: view, saliency, mask, regions, and the part that a summary took."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--run", type=Path, default=Path("runs/demo"), help="a finished run")
    parser.add_argument("--images", type=int, default=3, help="rows (default: %(default)s)")
    parser.add_argument("--out", type=Path, default=Path("docs/pictures/concepts.jpg"))
    arguments = parser.parse_args()
    run = Run.load(arguments.run)
    draw_rows(run, run.summaries[0].members[: arguments.images]).save(arguments.out, quality=88)


def draw_rows(run: Run, members: tuple[Part, ...]) -> Image.Image:
    """One row a member."""
    rows = [_row(run, member) for member in members]
    width, height = len(rows[0]) * (_SIDE + _GAP) - _GAP, len(rows) * (_SIDE + _GAP) - _GAP
    sheet = Image.new("RGB", (width, height), "white")
    for top, row in enumerate(rows):
        for left, picture in enumerate(row):
            sheet.paste(picture, (left * (_SIDE + _GAP), top * (_SIDE + _GAP)))
    return sheet


def _row(run: Run, member: Part) -> list[Image.Image]:
    view = Image.open(run.folder.view(member.image)).convert("RGB")
    saliency, mask = (Image.open(run.folder.mask(member.image, kind)).convert("RGB") for kind in ("raw", ""))
    boxed = view.copy()
    x0, y0, x1, y1 = member.box
    ImageDraw.Draw(boxed).rectangle((x0, y0, x1 - 1, y1 - 1), outline=_BOX)
    pictures = [view, saliency, mask, _coloured(run, member), boxed]
    return [picture.resize((_SIDE, _SIDE), Image.Resampling.NEAREST) for picture in pictures]


def _coloured(run: Run, member: Part) -> Image.Image:
    """The region map, each region in a colour of its own."""
    regions = Image.open(run.folder.mask(member.image, "regions"))
    indices = regions.convert("I").point(lambda value: value).convert("L")
    coloured = indices.convert("P")
    palette = [part for index in range(256) for part in _COLOURS[index and 1 + (index - 1) % (len(_COLOURS) - 1)]]
    coloured.putpalette(palette)
    return coloured.convert("RGB")


if __name__ == "__main__":
    main()
