"""`visum evaluate networks`: the number of summaries against the accuracy of networks (paper, table 3 and figure 5)."""

import argparse
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from visum_client import Run
from visum_client.commands.command import Command, add_services_flag, open_client, tell
from visum_client.commands.run import parse_options
from visum_client.errors import InvalidInputError
from visum_client.models import find_model
from visum_evaluation.across_networks.figure import save_figure
from visum_evaluation.across_networks.network_figures import NetworkFigures, correlations, figures_of_networks
from visum_evaluation.across_networks.world_runs import figures_in_world, known_accuracies
from visum_evaluation.parts.controls import one_class_a_family
from visum_evaluation.parts.experiment import PartsOptions, Workspace

_EXAMPLES = """\
  visum evaluate networks --runs runs/alexnet/* runs/vgg16/* runs/googlenet/* runs/resnet50/*
  visum evaluate networks --runs runs/*/* --accuracy alexnet=.566 vgg16=.716 --json
  visum evaluate networks --world test --networks checkpoints/*.pt2 --figure networks.svg"""
_HELD_FIXED = {
    "plain": "nothing held fixed",
    "area": "the masks' area held fixed",
    "parts": "the number of parts held fixed",
    "area_and_parts": "both held fixed",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `visum evaluate networks`."""
    add = parser.add_argument
    given = parser.add_mutually_exclusive_group(required=True)
    text = "finished runs, one a network and class"
    given.add_argument("--runs", nargs="+", type=Path, metavar="RUN", help=text)
    text = "files of networks of a world, whose runs are made"
    given.add_argument("--networks", nargs="+", type=Path, metavar="FILE", help=text)
    text = "accuracies of networks, each 0..1 (default: of runs, the share of their images that the network recognizes;"
    text += " of files, what accuracies.json beside them says)"
    add("--accuracy", nargs="+", default=[], metavar="NAME=VALUE", help=text)
    add("--figure", type=Path, metavar="FILE", help="also draw summaries against accuracy, as SVG")
    add("--world", choices=("dev", "test"), default="test", help="with --networks: their world (default: test)")
    text = "with --networks: classes of the world (default: the first of each family)"
    add("--classes", nargs="+", metavar="NAME", help=text)
    add("--images", type=int, default=20, help="with --networks: pictures of each class (default: 20)")
    text = "with --networks: folder of pictures, masks and runs; the same command goes on there (default: %(default)s)"
    add("--out", type=Path, default=Path("runs/networks"), help=text)
    add("--option", action="append", default=[], metavar="STEP.NAME=VALUE", help="as `visum run` takes it")
    add_services_flag(parser)


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Reads or makes the runs; returns the figures of each network, best first, and the rank correlations."""
    accuracies = dict(map(_accuracy, arguments.accuracy))
    networks = _of_runs(arguments, accuracies) if arguments.runs else _of_world(arguments, accuracies)
    unknown = sorted(set(accuracies) - {network.network for network in networks})
    if unknown:
        raise InvalidInputError(f"there is no run of {unknown[0]}", "accuracy")
    if arguments.figure:
        save_figure(arguments.figure, networks)
    return {"networks": [asdict(network) for network in networks], "correlation": correlations(networks)}


def _of_runs(arguments: argparse.Namespace, accuracies: dict[str, float]) -> list[NetworkFigures]:
    return figures_of_networks([Run.load(folder) for folder in arguments.runs], accuracies)


def _of_world(arguments: argparse.Namespace, accuracies: dict[str, float]) -> list[NetworkFigures]:
    known = known_accuracies(arguments.networks) | accuracies
    missing = [name for name in (find_model(path).name for path in arguments.networks) if name not in known]
    if missing:
        raise InvalidInputError(f"is needed for {missing[0]}", "accuracy")
    try:
        steps = parse_options(arguments.option)
        options = PartsOptions(arguments.world, arguments.classes or (), arguments.images, steps=steps)
    except ValueError as error:
        raise InvalidInputError(str(error), "classes") from error
    if arguments.classes is None:
        options = one_class_a_family(options)
    with open_client(arguments, dict(os.environ)) as client:
        workspace = Workspace(client, arguments.out, tell=tell)
        return figures_in_world(workspace, options, arguments.networks, known)


def _accuracy(text: str) -> tuple[str, float]:
    name, _, value = text.rpartition("=")
    try:
        accuracy = float(value)
    except ValueError:
        accuracy = -1.0
    if not name or not 0 <= accuracy <= 1:
        raise InvalidInputError(f"is {text!r}, must be NAME=VALUE with a value within 0..1", "accuracy")
    return name, accuracy


def show(result: dict[str, Any]) -> str:
    """A line a network, then the correlations."""
    lines = [f"{'network':<32}{'accuracy':>9}{'summaries':>11}{'area':>8}{'parts':>8}"]
    lines += [
        f"{row['network']:<32}{row['accuracy']:>9.3f}{row['summaries']:>11.2f}{row['area']:>8.3f}{row['parts']:>8.1f}"
        for row in result["networks"]
    ]
    lines += [f"{_HELD_FIXED[name]}: {_shown(found)}" for name, found in result["correlation"].items()]
    return "\n".join(lines)


def _shown(found: dict[str, float] | None) -> str:
    return f"rho {found['rho']:.2f}, p {found['p_value']:.3f}" if found else "too few networks to tell"


NETWORKS = Command(
    "networks", "hold the number of summaries against the accuracy of networks", _EXAMPLES, configure, run, show
)
