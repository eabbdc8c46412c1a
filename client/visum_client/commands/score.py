"""`visum score`: which summaries of a run new images show."""

import argparse
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from visum_client.commands.command import Command, add_network_flags, add_services_flag, open_client
from visum_client.report.wording import percent

_EXAMPLES = """\
  visum score runs/dogs new.jpg other.jpg
  visum score runs/dogs new/ --model mine.pt2 --json"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `visum score`."""
    add = parser.add_argument
    add("run", type=Path, metavar="RUN", help="the run folder")
    add("images", nargs="+", metavar="IMAGE", help="a folder, a glob, a .txt file with a path a line, or several files")
    add_network_flags(parser)
    add("--cache", type=Path, metavar="DIR", help="folder of masks and proposals that runs share")
    add("--progress", action=argparse.BooleanOptionalAction, help="draw progress bars (default: on a terminal)")
    add_services_flag(parser)


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Scores the images; returns what each shows."""
    images = arguments.images[0] if len(arguments.images) == 1 else arguments.images
    with open_client(arguments, dict(os.environ)) as client:
        scores = client.score(
            arguments.run,
            images,
            model=arguments.model,
            weights=arguments.weights,
            cache=arguments.cache,
            progress=arguments.progress,
        )
    return {"run": str(arguments.run), **asdict(scores)}


def show(result: dict[str, Any]) -> str:
    """What each image shows, then how far that can be trusted."""
    lines = [line for image in result["images"] for line in _image(image)]
    lines += ["", "of the run's own parts, each left out in turn, are given to the summary:"]
    lines += [f"  {name}: {_reliability(known)}" for name, known in result["reliability"].items()]
    return "\n".join(lines)


def _image(image: dict[str, Any]) -> list[str]:
    if image["status"] == "failed":
        return [f"{image['path']}: {image['reason']}"]
    about = f"probability {percent(image['probability'])}"
    heading = f"{image['path']}: {about}{'' if image['recognized'] else ', taken for another class'}"
    shown = [entry for entry in image["summaries"] if entry["is_shown"]]
    return [heading, *map(_place, shown)] if shown else [f"{heading}; shows no summary"]


def _place(entry: dict[str, Any]) -> str:
    x0, y0, x1, y1 = (round(edge) for edge in entry["original_box"])
    value, likeness = entry["score"], entry["likeness"]
    return f"  {entry['summary']}: score {value:.2f}, likeness {likeness:.2f}, at x {x0}..{x1}, y {y0}..{y1}"


def _reliability(known: dict[str, Any]) -> str:
    text = f"{percent(known['found'])} of its {known['members']} members"
    return text if known["mistaken"] is None else f"{text}, {percent(known['mistaken'])} of {known['others']} others"


COMMAND = Command("score", "find the summaries of a run in new images", _EXAMPLES, configure, run, show)
