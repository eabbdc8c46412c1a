"""`visum evaluate comparison`: crisp masks beside attribution methods of Captum, on the same images."""

import argparse
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch

from visum_client.commands.command import Command, tell
from visum_client.errors import InvalidInputError, TooFewImagesError
from visum_demo.shipped import model_path
from visum_evaluation.comparison.curves import Scores, score
from visum_evaluation.comparison.figure import save_figure
from visum_evaluation.comparison.methods import METHODS, Attribution, attribute, require_captum
from visum_evaluation.masks.command import add_image_flags, check_images, choose_samples
from visum_evaluation.masks.samples import Sample
from visum_evaluation.networks import open_networks
from visum_models import Classifier

_EXAMPLES = """\
  visum evaluate comparison --world test --limit 2
  visum evaluate comparison --model resnet50 --target "golden retriever" --images dogs/ --limit 12 --json
  visum evaluate comparison --model mine.pt2 --all-targets --images photographs/ --figure methods.jpg"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `visum evaluate comparison`."""
    add_image_flags(parser)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=list(METHODS), help="default: all")
    text = "share of the view whose loss is measured (default: .1)"
    parser.add_argument("--area", type=float, default=0.1, metavar="SHARE", help=text)
    parser.add_argument("--figure", type=Path, metavar="FILE", help="also draw the attributions side by side")
    parser.add_argument("--figure-rows", type=int, default=3, help="images in the figure (default 3)")


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Attributes and measures; returns means over the images."""
    torch.set_num_threads(1)
    check_images(arguments, ("limit", 1), ("figure_rows", 1))
    if not 0 < arguments.area < 1:
        raise InvalidInputError(f"is {arguments.area}, must be between 0 and 1", "area")
    require_captum()
    model = model_path(arguments.world) if arguments.world else arguments.model
    with open_networks(submodules=True) as networks:
        return _evaluate(arguments, networks.load(model, None if arguments.world else arguments.weights))


def show(result: dict[str, Any]) -> str:
    """The figures for people."""
    names = [field.name for field in fields(Scores)]
    lines = [f"{result['images']} images; drops at {result['area']:.0%} of the view"]
    lines.append(" ".join(["method".ljust(22), *(f"{name:>15}" for name in (*names, "seconds"))]))
    for method, figures in result["methods"].items():
        values = [figures[name] for name in (*names, "seconds")]
        lines.append(" ".join([method.ljust(22), *(f"{'-' if v is None else format(v, '.3f'):>15}" for v in values)]))
    return "\n".join(lines)


def _evaluate(arguments: argparse.Namespace, classifier: Classifier) -> dict[str, Any]:
    samples = choose_samples(arguments, classifier).used
    if not samples:
        raise TooFewImagesError("the network recognizes none of the images", "images")
    drawn: dict[str, list[Attribution]] = {}
    figures = {}
    for method in arguments.methods:
        tell(f"{method} for {len(samples)} images")
        found = [attribute(method, classifier, sample) for sample in samples]
        drawn[method] = [attribution for attribution, _ in found]
        figures[method] = _means(classifier, samples, drawn[method], arguments.area)
        figures[method]["seconds"] = float(np.mean([seconds for _, seconds in found]))
    if arguments.figure:
        save_figure(arguments.figure, samples[: arguments.figure_rows], drawn)
    return {"images": len(samples), "area": arguments.area, "methods": figures}


def _means(
    classifier: Classifier, samples: Sequence[Sample], attributions: Sequence[Attribution], area: float
) -> dict[str, float | None]:
    rows = [asdict(score(classifier, *pair, area)) for pair in zip(samples, attributions, strict=True)]
    found = {name: [row[name] for row in rows if row[name] is not None] for name in rows[0]}
    return {name: float(np.mean(values)) if values else None for name, values in found.items()}


COMPARISON = Command("comparison", "crisp masks beside attribution methods of Captum", _EXAMPLES, configure, run, show)
