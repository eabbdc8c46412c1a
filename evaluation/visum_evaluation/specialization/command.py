"""`visum evaluate specialization`: what a classifier gains by summaries, beside two controls and the ceiling."""

import argparse
import contextlib
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from visum_client.commands.command import Command, add_services_flag, open_client, tell
from visum_client.errors import InvalidInputError, VisumError
from visum_client.models import ModelFolder, find_model
from visum_client.private_folder import PrivateFolder
from visum_client.specialization.class_runs import ClassRuns, read_class_runs
from visum_evaluation.specialization.embedding import LabelledView, embed_views
from visum_evaluation.specialization.experiment import Material, evaluate
from visum_evaluation.specialization.photographs import check_apart, labelled_views, pool_views
from visum_evaluation.specialization.world import BRIEF_EPOCHS, BRIEF_PICTURES, CLASSES, WorldOptions, make_world
from visum_models import Classifier, ModelRepository
from visum_models.layers import feature_source
from visum_models.repository import ModelSettings
from visum_runtime.errors import InvalidInput, ServiceError

SEEDS = 5
_EXAMPLES = """\
  visum evaluate specialization --world dev --out runs/specialization
  visum evaluate specialization --runs runs/* --weights squeezenet1_1.pth --data data/ --test test/ --json"""
_ROWS = ("overall", "target_classes")


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `visum evaluate specialization`."""
    add = parser.add_argument
    what = parser.add_mutually_exclusive_group(required=True)
    what.add_argument("--world", choices=("dev", "test"), help="a world of planted parts: dev to tune, test to report")
    what.add_argument("--runs", nargs="+", type=Path, metavar="RUN", help="finished runs of several classes")
    add("--test", type=Path, metavar="DIR", help="with --runs: images to test on, a folder a class")
    add("--data", type=Path, metavar="DIR", help="with --runs: more images to train and tune on, a folder a class")
    add("--weights", type=Path, help="with --runs: file of their network (default: standard weights)")
    add("--layer", default="", metavar="NAME", help="layer that gives the features (default: the network's)")
    add("--seeds", type=int, default=SEEDS, help="shares of training and validation images (default: %(default)s)")
    add("--out", type=Path, default=Path("runs/specialization"), help="with --world: folder of network and runs")
    add("--classes", type=int, default=CLASSES, help="with --world: so many runs (default: %(default)s, all classes)")
    add("--run-images", type=int, default=40, help="with --world: pictures of a class in its run (default: 40)")
    add("--images", type=int, default=60, help="with --world: pictures of a class to train and tune on (default: 60)")
    add("--test-images", type=int, default=100, help="with --world: pictures of a class to test on (default: 100)")
    text = "with --world: epochs that the network is trained (default: %(default)s)"
    add("--epochs", type=int, default=BRIEF_EPOCHS, help=text)
    text = "with --world: pictures of a class that it is trained on (default: %(default)s)"
    add("--training-images", type=int, default=BRIEF_PICTURES, help=text)
    add_services_flag(parser)


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Makes what is missing, trains and tests; returns the figures."""
    if arguments.seeds < 1:
        raise InvalidInputError(f"is {arguments.seeds}, must be at least 1", "seeds")
    if arguments.runs and not arguments.test:
        raise InvalidInputError("is needed with runs", "test")
    torch.set_num_threads(1)
    try:
        material = _of_world(arguments) if arguments.world else _of_runs(arguments)
        return evaluate(material, arguments.seeds, tell)
    except (ServiceError, InvalidInput) as error:
        raise VisumError(str(error)) from error


def show(result: dict[str, Any]) -> str:
    """A table for each combination."""
    return "\n\n".join(_table(figures) for figures in result["modes"].values())


def _table(figures: dict[str, Any]) -> str:
    lines = [f"{figures['mode']}: weight {figures['weight']:.2f}, deviation of the gain {figures['gain_std']:.1%}"]
    lines.append(f"{'':18}{'images':>8}{'before':>9}{'after':>9}{'ceiling':>9}{'p':>9}")
    for name in _ROWS:
        row = figures[name]
        cells = "".join(f"{row[column]:>9.1%}" for column in ("before", "after", "ceiling"))
        lines.append(f"{name:18}{row['images']:>8}{cells}{row['p_value']:>9.2g}")
    for name, control in figures["controls"].items():
        lines.append(f"{name:18}{'':17}{control['after']:>9.1%}{'':9}{control['p_value']:>9.2g}")
    return "\n".join(lines)


def _of_world(arguments: argparse.Namespace) -> Material:
    try:
        options = WorldOptions(
            world=arguments.world,
            classes=arguments.classes,
            run_images=arguments.run_images,
            images=arguments.images,
            test_images=arguments.test_images,
            epochs=arguments.epochs,
            training_images=arguments.training_images,
        )
    except ValueError as error:
        raise InvalidInputError(str(error)) from error
    with open_client(arguments, dict(os.environ)) as client:
        made = make_world(client, options, arguments.out)
    runs = read_class_runs(made.runs)
    with _loaded(find_model(made.network).weights, runs) as classifier:
        return _material(classifier, runs, made.pool, made.test, arguments.layer)


def _of_runs(arguments: argparse.Namespace) -> Material:
    runs = read_class_runs(arguments.runs)
    with _loaded(arguments.weights, runs) as classifier:
        test = labelled_views(classifier, arguments.test, "test")
        return _material(classifier, runs, pool_views(classifier, runs, arguments.data), test, arguments.layer)


@contextlib.contextmanager
def _loaded(weights: Path | None, runs: ClassRuns) -> Iterator[Classifier]:
    """The runs' network, of exactly the file that was named."""
    private = PrivateFolder()
    try:
        settings = ModelSettings(model_dir=private.path, trusted_sha256=frozenset({runs.model_sha256}))
        if weights is not None:
            given = find_model(weights)
            if given.sha256 != runs.model_sha256:
                text = f"{weights} has sha256 {given.sha256}, the runs were made with {runs.model_sha256}"
                raise InvalidInputError(text, "weights")
            ModelFolder(private.path).add(replace(given, name=runs.model_name))
        yield ModelRepository(settings, submodules=True).load(runs.model_name, runs.model_sha256)
    finally:
        private.close()


def _material(
    classifier: Classifier,
    runs: ClassRuns,
    pool: Sequence[LabelledView],
    test: Sequence[LabelledView],
    layer: str,
) -> Material:
    """Every image embedded once."""
    check_apart(pool, test)
    layer, _ = feature_source(classifier, layer)
    members = [frozenset(member.image for member in entry.summary.members) for entry in runs.summaries]
    owners = np.array([entry.target for entry in runs.summaries])
    tell(f"embedding {len(pool)} images to train and tune on, {len(test)} to test on")
    training = embed_views(classifier, pool, layer, members)
    return Material(layer, training, owners, embed_views(classifier, test, layer, []))


COMMAND = Command("specialization", "what a classifier gains by summaries", _EXAMPLES, configure, run, show)
