"""`visum report`: writes the report of a run again."""

import argparse
from pathlib import Path
from typing import Any

from visum_client.commands.command import Command
from visum_client.report import write_report
from visum_client.run import Run

_EXAMPLES = """\
  visum report runs/dogs
  visum report runs/dogs --tags anna.json ben.json
  xdg-open "$(visum report runs/dogs)\""""


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `visum report`."""
    parser.add_argument("run", type=Path, metavar="RUN", help="the run folder")
    parser.add_argument(
        "--tags", nargs="+", default=[], metavar="FILE", help="show the names and tags of files that people downloaded"
    )


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Writes report.html from the folder alone; returns its path."""
    return {"report": str(write_report(Run.load(arguments.run).path, arguments.tags))}


def show(result: dict[str, Any]) -> str:
    """The path of the report."""
    return str(result["report"])


COMMAND = Command("report", "write the report of a run again, and print its path", _EXAMPLES, configure, run, show)
