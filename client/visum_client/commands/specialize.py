"""`visum specialize`: summaries that make the classifier better."""

import argparse
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

from visum_client.commands.command import Command, add_services_flag, open_client
from visum_client.report.wording import percent
from visum_client.specialization.specialized import Accuracy, Specialized
from visum_client.specialization.training import BEST, COMBINATIONS

_EXAMPLES = """\
  visum specialize runs/dogs runs/cats --train train/ --validation validation/ --out specialized.pt2
  visum specialize runs/* --weights mine.pt2 --train train/ --validation validation/ --out specialized.pt2 --json
  visum specialize runs/* --train train/ --validation validation/ --layer classifier.4 --out portable.onnx"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `visum specialize`."""
    add = parser.add_argument
    add("runs", nargs="+", type=Path, metavar="RUN", help="folders of finished runs, each of another class")
    add("--train", required=True, type=Path, metavar="DIR", help="a folder a class, with the runs' images among them")
    add("--validation", required=True, type=Path, metavar="DIR", help="other images, to choose weight and C; the same")
    add(
        "--out",
        required=True,
        type=Path,
        help="file to write: .pt2 (exported program) or .onnx; its card: .json beside it",
    )
    add("--weights", type=Path, help="file of the runs' network (default: what the service has, or standard weights)")
    add("--layer", default="", metavar="NAME", help="layer that gives the features (default: the network's)")
    text = "how scores are combined (default: %(default)s, of both the one that does better on the validation images)"
    add("--combination", choices=(*COMBINATIONS, BEST), default=BEST, help=text)
    add("--seed", type=int, default=0, help="of everything random (default: 0)")
    add("--cache", type=Path, metavar="DIR", help="keep features there: no image is embedded twice")
    add("--progress", action=argparse.BooleanOptionalAction, help="draw progress bars (default: on a terminal)")
    add("--mlflow", action="store_true", help="log the classifier to MLflow as a model (MLFLOW_TRACKING_URI)")
    add("--register", metavar="NAME", help="with --mlflow: make it a version of this registered model")
    add("--alias", help="with --register: let this alias of the registered model point to it, as champion")
    add_services_flag(parser)


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Trains and writes the classifier; returns its figures."""
    with open_client(arguments, dict(os.environ)) as client:
        result = client.specialize(
            arguments.runs,
            train=arguments.train,
            validation=arguments.validation,
            out=arguments.out,
            weights=arguments.weights,
            layer=arguments.layer,
            combination=arguments.combination,
            seed=arguments.seed,
            cache=arguments.cache,
            progress=arguments.progress,
            tracker="mlflow" if arguments.mlflow else None,
            register=arguments.register,
            alias=arguments.alias,
        )
    return _figures(result)


def show(figures: dict[str, Any]) -> str:
    """The figures, for people."""
    overall, targets = (Accuracy(**figures["validation_accuracy"][name]) for name in ("overall", "target_classes"))
    found = f"{figures['corrected']} corrected, {figures['spoiled']} spoiled"
    lines = [
        f"{len(figures['summaries'])} summaries, {figures['combination']}, weight {figures['weight']:.2f}",
        f"validation images: {_change(overall)}; of the classes with summaries: {_change(targets)}; {found}",
    ]
    if not figures["weight"]:
        lines.append("the SVMs do not help on the validation images: the file computes the network's own scores")
    return "\n".join([*lines, f"classifier: {figures['specialized']}"])


def _change(accuracy: Accuracy) -> str:
    return f"{percent(accuracy.before)} before, {percent(accuracy.after)} after"


def _figures(result: Specialized) -> dict[str, Any]:
    accuracy = {"overall": asdict(result.overall), "target_classes": asdict(result.target_classes)}
    return {
        "specialized": str(result.path),
        "card": str(result.card),
        "sha256": result.sha256,
        "layer": result.layer,
        "combination": result.combination,
        "weight": result.weight,
        "c": result.c,
        "summaries": list(result.summaries),
        "validation_accuracy": accuracy,
        "corrected": len(result.outcome.corrected),
        "spoiled": len(result.outcome.spoiled),
    }


COMMAND = Command(
    "specialize", "make a classifier better by the summaries of its classes", _EXAMPLES, configure, run, show
)
