"""`visum export`: a run in the formats of other tools."""

import argparse
from pathlib import Path
from typing import Any

from visum_client.commands.command import Command
from visum_client.export.formats import SUFFIXES
from visum_client.run import Run

_EXAMPLES = """\
  visum export runs/dogs --format coco --out dogs.json
  visum export runs/dogs --format fiftyone --images dogs/ --out dogs.fiftyone
  visum export runs/dogs --format csv --json
  visum export runs/dogs --format labelstudio --out dogs.json"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `visum export`."""
    add = parser.add_argument
    add("run", type=Path, metavar="RUN", help="the run folder")
    text = (
        "coco: categories are summaries, with masks, boxes and scores in pixels of the originals; "
        "fiftyone: a folder that FiftyOne imports as COCODetectionDataset; csv: a row a part; "
        "labelstudio: tasks whose predictions are masks and boxes"
    )
    add("--format", required=True, choices=list(SUFFIXES), help=text)
    text = f"the file, or for fiftyone the folder (default: here, the run's name with {', '.join(SUFFIXES.values())})"
    add("--out", type=Path, metavar="PATH", help=text)
    text = "for fiftyone: where the originals are now, found by their digests (default: the views of the run)"
    add("--images", nargs="+", metavar="IMAGE", help=text)


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Writes the export; returns where it is and what it holds."""
    loaded = Run.load(arguments.run)
    images = arguments.images[0] if arguments.images and len(arguments.images) == 1 else arguments.images
    out = loaded.export(arguments.format, arguments.out, images)
    return {
        "out": str(out),
        "format": arguments.format,
        "images": len(loaded.used_images),
        "summaries": len(loaded.summaries),
        "parts": sum(len(summary.members) for summary in loaded.summaries),
    }


def show(result: dict[str, Any]) -> str:
    """What was written."""
    return f"{result['out']}: {result['parts']} parts of {result['summaries']} summaries in {result['images']} images"


COMMAND = Command(
    "export", "write a run for COCO tools, FiftyOne, Label Studio or as CSV", _EXAMPLES, configure, run, show
)
