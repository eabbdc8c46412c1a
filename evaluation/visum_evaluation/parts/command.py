"""`visum evaluate parts`: how true the summaries of a planted world are."""

import argparse
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from visum_client import Client
from visum_client.commands.command import Command, add_services_flag, open_client, tell
from visum_client.commands.run import parse_options
from visum_client.errors import InvalidInputError
from visum_evaluation.parts.ablations import ABLATIONS, run_ablation
from visum_evaluation.parts.comparison import compare_with_baselines
from visum_evaluation.parts.controls import count_kind, random_weights
from visum_evaluation.parts.experiment import (
    PartsOptions,
    Shown,
    Variant,
    Workspace,
    run_variant,
    score_classes,
    score_mean,
    score_spread,
)
from visum_evaluation.parts.scenes import DIFFICULTIES
from visum_evaluation.parts.stability import measure_stability

_EXAMPLES = """\
  visum evaluate parts --world test
  visum evaluate parts --world dev --ablations --stability --rounds 3
  visum evaluate parts --world dev --classes tunny ranger --images 20 --no-references --out runs/few --json"""
_COLUMNS = ("part_f1", "purity", "recall", "precision", "ami", "summaries")


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `visum evaluate parts`."""
    add = parser.add_argument
    add("--world", choices=("dev", "test"), default="dev", help="dev to tune, test to report (default: dev)")
    add("--difficulty", choices=tuple(DIFFICULTIES), default="default", help="of the pictures (default: default)")
    add("--classes", nargs="+", default=[], metavar="NAME", help="classes of the world (default: all)")
    add("--images", type=int, default=40, help="pictures of each class (default: 40)")
    add("--round", type=int, default=0, help="which pictures: every number stands for others (default: 0)")
    add("--rounds", type=int, default=1, help="so many rounds of pictures, with the spread (default: 1)")
    add("--no-references", action="store_true", help="neither controls nor baselines")
    add(
        "--ablations",
        nargs="*",
        choices=ABLATIONS,
        default=None,
        metavar="NAME",
        help=f"also without a step: {', '.join(ABLATIONS)} (without a name: all of them)",
    )
    add("--stability", action="store_true", help="also over halves of the images and over other masks")
    add("--out", type=Path, default=Path("runs/parts"), help="folder of runs; the same command goes on there")
    add("--cache", type=Path, metavar="DIR", help="folder of masks and proposals that runs share (default: in --out)")
    add("--option", action="append", default=[], metavar="STEP.NAME=VALUE", help="as `visum run` takes it")
    add_services_flag(parser)


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Makes the runs and scores them; returns the figures."""
    try:
        options = PartsOptions(
            arguments.world,
            arguments.classes,
            arguments.images,
            arguments.round,
            arguments.rounds,
            arguments.difficulty,
            parse_options(arguments.option),
        )
    except ValueError as error:
        raise InvalidInputError(str(error), "classes") from error
    with open_client(arguments, dict(os.environ)) as client:
        return _figures(arguments, options, client)


def _figures(arguments: argparse.Namespace, options: PartsOptions, client: Client) -> dict[str, Any]:
    workspace = Workspace(client, arguments.out, arguments.cache, tell)
    shown = run_variant(workspace, options, Variant("run", options.steps))
    result: dict[str, Any] = {
        "world": options.world,
        "difficulty": options.difficulty,
        "rounds": options.rounds,
        "images": options.images,
        "mean": asdict(score_mean(options, shown)),
        "spread": score_spread(options, shown),
        "classes": {name: asdict(score) for name, score in score_classes(options, shown).items()},
    }
    if not arguments.no_references:
        result["controls"] = _controls(workspace, options, shown)
        result["baselines"] = {
            name: asdict(score) for name, score in compare_with_baselines(workspace, options).items()
        }
    if arguments.ablations is not None:
        names = arguments.ablations or ABLATIONS
        found = {name: run_ablation(workspace, options, name) for name in names}
        result["ablations"] = {name: asdict(score_mean(options, other)) for name, other in found.items()}
    if arguments.stability:
        result["stability"] = asdict(measure_stability(workspace, options))
    return result


def _controls(workspace: Workspace, options: PartsOptions, shown: Shown) -> dict[str, Any]:
    counts = {kind: {"summaries": count_kind(options, shown, kind)} for kind in ("decoy", "shortcut")}
    return {"random_weights": asdict(random_weights(workspace, options)), **counts}


def show(result: dict[str, Any]) -> str:
    """A table: a line a class, then the mean, then everything that it is held against."""
    lines = [f"{result['world']:20}" + "".join(f"{name:>11}" for name in _COLUMNS)]
    lines += [_row(name, figures) for name, figures in [*result["classes"].items(), ("mean", result["mean"])]]
    if result["spread"]:
        lines.append(_row("spread over rounds", result["spread"]))
    for group in ("baselines", "ablations"):
        lines += [_row(name, figures) for name, figures in result.get(group, {}).items()]
    if controls := result.get("controls"):
        lines.append(f"random weights: {controls['random_weights']['summaries']:.2f} summaries a class")
        lines += [f"{kind}: {controls[kind]['summaries']} summaries" for kind in ("decoy", "shortcut")]
    if stability := result.get("stability"):
        lines += [f"comes again from {name}: {_cell(share)}" for name, share in stability.items()]
    return "\n".join(lines)


def _row(name: str, figures: dict[str, Any]) -> str:
    return f"{name:20}" + "".join(f"{_cell(figures.get(column)):>11}" for column in _COLUMNS)


def _cell(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


PARTS = Command("parts", "hold summaries against planted parts", _EXAMPLES, configure, run, show)
