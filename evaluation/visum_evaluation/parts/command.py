"""`visum evaluate parts`: how true the summaries of a planted world are."""

import argparse
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from visum_client.commands.command import Command, add_services_flag, open_client, tell
from visum_client.commands.run import parse_options
from visum_client.errors import InvalidInputError
from visum_evaluation.parts.experiment import PartsOptions, evaluate_parts, mean_of

_EXAMPLES = """\
  visum evaluate parts --world dev --out runs/parts
  visum evaluate parts --world dev --classes tunny ranger --images 20 --out runs/few \\
    --option clustering.preset=consensus --json"""
_COLUMNS = ("part_f1", "purity", "recall", "precision", "ami", "summaries")


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `visum evaluate parts`."""
    add = parser.add_argument
    add("--world", choices=("dev", "test"), default="dev", help="dev to tune, test to report (default: dev)")
    add("--classes", nargs="+", default=[], metavar="NAME", help="classes of the world (default: all)")
    add("--images", type=int, default=40, help="pictures of each class (default: 40)")
    add("--round", type=int, default=0, help="which pictures: every number stands for others (default: 0)")
    add("--out", type=Path, required=True, help="folder of pictures and runs; the same command again goes on")
    add("--cache", type=Path, metavar="DIR", help="folder of masks and proposals that runs share")
    add("--option", action="append", default=[], metavar="STEP.NAME=VALUE", help="as `visum run` takes it")
    add_services_flag(parser)


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Makes the runs and scores them; returns the figures."""
    try:
        options = PartsOptions(
            arguments.world, arguments.classes, arguments.images, arguments.round, parse_options(arguments.option)
        )
    except ValueError as error:
        raise InvalidInputError(str(error), "classes") from error
    with open_client(arguments, dict(os.environ)) as client:
        scores = evaluate_parts(client, options, arguments.out, arguments.cache, tell)
    return {
        "world": options.world,
        "mean": asdict(mean_of(scores)),
        "classes": {name: asdict(score) for name, score in scores.items()},
    }


def show(result: dict[str, Any]) -> str:
    """A table: a line a class, then the mean."""
    lines = [f"{result['world']:12}" + "".join(f"{name:>11}" for name in _COLUMNS)]
    for name, figures in [*result["classes"].items(), ("mean", result["mean"])]:
        cells = ("-" if figures[column] is None else f"{figures[column]:.2f}" for column in _COLUMNS)
        lines.append(f"{name:12}" + "".join(f"{cell:>11}" for cell in cells))
    return "\n".join(lines)


PARTS = Command("parts", "hold summaries against planted parts", _EXAMPLES, configure, run, show)
