"""Runs of many networks over the same fresh pictures of a planted world."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from visum_client.models import find_model
from visum_demo.checkpoints import ACCURACIES
from visum_evaluation.across_networks.network_figures import NetworkFigures, network_figures
from visum_evaluation.parts.experiment import PartsOptions, Variant, Workspace


def figures_in_world(
    workspace: Workspace, options: PartsOptions, networks: Sequence[Path], accuracies: Mapping[str, float]
) -> list[NetworkFigures]:
    """Makes the runs that are not there yet; the figures of each network, best first.

    Every picture takes part, whatever a network calls it, so that all have the same; a class of which too few pictures
    have parts counts as one without summaries.

    Args:
        workspace: Where the runs are made and kept.
        options: World, classes and pictures; of its rounds the first counts.
        networks: Files of the networks, each with a card.
        accuracies: Accuracy of each by its name.

    Raises:
        VisumError: A file is no network, or a run fails.
    """
    found = [_figures(workspace, options, path, accuracies) for path in networks]
    return sorted(found, key=lambda figures: -figures.accuracy)


def known_accuracies(networks: Sequence[Path]) -> dict[str, float]:
    """What the files `accuracies.json` beside the networks say, by name of the network."""
    known: dict[str, float] = {}
    for file in dict.fromkeys(path.parent / ACCURACIES for path in networks):
        if file.exists():
            known |= json.loads(file.read_text())
    return known


def _figures(
    workspace: Workspace, options: PartsOptions, path: Path, accuracies: Mapping[str, float]
) -> NetworkFigures:
    model = find_model(path)
    scenes = list(options.scenes())
    runs = [workspace.run(one, Variant(model.name, options.steps, path)) for one in scenes]
    figures = network_figures(
        model.name, model.sha256, [run for run in runs if run], len(scenes), accuracies[model.name]
    )
    workspace.tell(f"{model.name}: accuracy {figures.accuracy:.3f}, {figures.summaries:.2f} summaries a class")
    return figures
