"""`visum evaluate networks`: the number of summaries against the accuracy of networks (paper, table 3 and figure 5)."""

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import Any

from visum_client import Run
from visum_client.commands.command import Command
from visum_client.errors import InvalidInputError
from visum_evaluation.across_networks.network_figures import correlations, figures_of_networks

_EXAMPLES = """\
  visum evaluate networks --runs runs/alexnet/* runs/vgg16/* runs/googlenet/* runs/resnet50/*
  visum evaluate networks --runs runs/*/* --accuracy alexnet=.566 vgg16=.716 --json"""
_HELD_FIXED = {
    "plain": "nothing held fixed",
    "area": "the masks' area held fixed",
    "parts": "the number of parts held fixed",
    "area_and_parts": "both held fixed",
}


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `visum evaluate networks`."""
    add = parser.add_argument
    add("--runs", nargs="+", type=Path, required=True, metavar="RUN", help="finished runs, one a network and class")
    text = "accuracies of networks, each 0..1 (default: the share of the runs' images that a network recognizes)"
    add("--accuracy", nargs="+", default=[], metavar="NAME=VALUE", help=text)


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Reads the runs; returns the figures of each network, best first, and the rank correlations."""
    accuracies = dict(map(_accuracy, arguments.accuracy))
    networks = figures_of_networks([Run.load(folder) for folder in arguments.runs], accuracies)
    unknown = sorted(set(accuracies) - {network.network for network in networks})
    if unknown:
        raise InvalidInputError(f"there is no run of {unknown[0]}", "accuracy")
    return {"networks": [asdict(network) for network in networks], "correlation": correlations(networks)}


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
    lines = [f"{'network':<24}{'accuracy':>9}{'summaries':>11}{'area':>8}{'parts':>8}"]
    lines += [
        f"{row['network']:<24}{row['accuracy']:>9.3f}{row['summaries']:>11.2f}{row['area']:>8.3f}{row['parts']:>8.1f}"
        for row in result["networks"]
    ]
    lines += [f"{_HELD_FIXED[name]}: {_shown(found)}" for name, found in result["correlation"].items()]
    return "\n".join(lines)


def _shown(found: dict[str, float] | None) -> str:
    return f"rho {found['rho']:.2f}, p {found['p_value']:.3f}" if found else "too few networks to tell"


NETWORKS = Command(
    "networks", "hold the number of summaries against the accuracy of networks", _EXAMPLES, configure, run, show
)
