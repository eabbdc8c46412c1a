"""`visum compare`: runs side by side."""

import argparse
import os
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from visum_client.commands.command import Command, add_network_flags, add_services_flag, open_client
from visum_client.compare.class_page import class_page
from visum_client.compare.classes import MIN_SHARING, ClassComparison, check_classes
from visum_client.compare.network_page import network_page, run_names
from visum_client.compare.networks import MIN_OVERLAP, NetworkComparison, compare_networks, summaries_of
from visum_client.compare.page import ComparisonPage
from visum_client.errors import InvalidInputError
from visum_client.files import write_atomically
from visum_client.report.contents import Contents, read_contents
from visum_client.report.rendering import render_page

_EXAMPLES = """\
  visum compare runs/dogs-alexnet runs/dogs-resnet50      which parts each network uses
  visum compare runs/epoch-1 runs/epoch-5 runs/epoch-50 --out training.html
  visum compare runs/retriever runs/shepherd --model resnet50      which parts two classes share"""
_TEMPLATE = "comparison.html"


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `visum compare`."""
    add = parser.add_argument
    add("first", type=Path, metavar="RUN", help="folder of a run")
    add("others", nargs="+", type=Path, metavar="RUN", help="others of its class, or one of another class")
    add("--out", type=Path, default=Path("comparison.html"), metavar="FILE", help="the page (default: comparison.html)")
    text = f"overlap from which summaries are one part (default: {MIN_OVERLAP}; sharing of classes: {MIN_SHARING})"
    add("--min-overlap", type=float, metavar="SHARE", help=text)
    add_network_flags(parser)
    add("--progress", action=argparse.BooleanOptionalAction, help="draw progress bars (default: on a terminal)")
    add_services_flag(parser)


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Compares the runs and writes the page; returns the figures."""
    folders = (arguments.first, *arguments.others)
    runs = [read_contents(path) for path in folders]
    if not arguments.out.parent.is_dir():
        raise InvalidInputError(f"{arguments.out.parent} is not a folder", "out")
    if len({contents.target for contents in runs}) == 1:
        comparison = compare_networks(runs, _least(arguments, MIN_OVERLAP))
        _write(network_page(comparison), arguments.out)
        return _networks_json(comparison) | {"page": str(arguments.out)}
    check_classes(runs)
    with open_client(arguments, dict(os.environ)) as client:
        classes = client.compare_classes(
            *folders,
            model=arguments.model,
            weights=arguments.weights,
            min_sharing=_least(arguments, MIN_SHARING),
            progress=arguments.progress,
        )
    _write(class_page(classes), arguments.out)
    return _classes_json(classes) | {"page": str(arguments.out)}


def show(result: dict[str, Any]) -> str:
    """Every part and where it is used, then the path of the page."""
    lines = [f"{run['name']}: {run['run']}, {run['summaries']} summaries" for run in result["runs"]]
    if "images" in result:
        lines.append(f"{result['images']} common images")
    lines += ["", *map(_part, result["parts"]), "", f"page: {result['page']}"]
    return "\n".join(lines)


def _part(part: dict[str, Any]) -> str:
    names = "".join(f"{name or '-':>6}" for name in part["summaries"])
    value = part.get("overlap", part.get("sharing"))
    return f"{names}   {'alone' if value is None else format(value, '.2f')}"


def _least(arguments: argparse.Namespace, default: float) -> float:
    return default if arguments.min_overlap is None else float(arguments.min_overlap)


def _write(page: ComparisonPage, path: Path) -> None:
    write_atomically(path, render_page(_TEMPLATE, page).encode("utf-8"))


def _networks_json(comparison: NetworkComparison) -> dict[str, Any]:
    names = run_names(comparison)
    overlaps = [
        {"runs": [one, other], "summaries": [a, b], **asdict(overlap)}
        for ((one, a), (other, b)), overlap in comparison.overlaps.items()
    ]
    return {
        "kind": "networks",
        "target": comparison.runs[0].target,
        "runs": _runs_json(comparison.runs, names),
        "images": len(comparison.images),
        "min_overlap": comparison.min_overlap,
        "parts": [asdict(part) for part in comparison.parts],
        "overlaps": overlaps,
    }


def _classes_json(comparison: ClassComparison) -> dict[str, Any]:
    names = [contents.target for contents in comparison.runs]
    sharings = {pair: asdict(sharing) for pair, sharing in comparison.sharings.items()}
    return {
        "kind": "classes",
        "model": comparison.runs[0].model,
        "runs": _runs_json(comparison.runs, names),
        "min_sharing": comparison.min_sharing,
        "parts": [
            {"summaries": list(pair), "sharing": sharings[pair]["value"] if pair in sharings else None}
            for pair in comparison.pairs
        ],
        "sharings": [{"summaries": list(pair), **sharing} for pair, sharing in sharings.items()],
    }


def _runs_json(runs: Sequence[Contents], names: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {
            "run": str(contents.folder.path),
            "name": name,
            "model": contents.model,
            "target": contents.target,
            "images": len(contents.used),
            "summaries": len(summaries_of(contents)),
        }
        for contents, name in zip(runs, names, strict=True)
    ]


COMMAND = Command("compare", "hold runs side by side: networks or classes", _EXAMPLES, configure, run, show)
