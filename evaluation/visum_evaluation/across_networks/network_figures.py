"""Figures of networks from their class runs over the same images."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from visum_client import Run
from visum_client.errors import InvalidInputError
from visum_evaluation.across_networks.rank_correlation import rank_correlation

_NOT_SHARED = ("model", "target", "preprocessing")
"""What the configurations of two networks' runs may differ in."""


@dataclass(frozen=True)
class NetworkFigures:
    """What the runs of one network say, means over classes."""

    network: str
    """Its name."""
    sha256: str
    """Digest of its weights."""
    accuracy: float
    """Share of the images that it recognizes, or its accuracy as it was given."""
    summaries: float
    """Number of summaries."""
    area: float
    """Area of a mask, a fraction of the view."""
    parts: float
    """Regions of masks, so the parts that are compared, a class."""


def figures_of_networks(runs: Sequence[Run], accuracies: dict[str, float]) -> list[NetworkFigures]:
    """The figures of each network, best first.

    Args:
        runs: Complete runs, one a network and class; each network over the same classes and images.
        accuracies: Accuracy of a network by its name, where it is known; else the share of its images it recognizes.

    Raises:
        InvalidInputError: A class is not run with every network, or over other images or other options.
    """
    by_network: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        model = run.configuration["model"]
        by_network.setdefault((model["name"], model["sha256"]), []).append(run)
    _check_alike(by_network)
    found = [
        network_figures(name, sha256, own, len(own), accuracies.get(name, _recognized(own)))
        for (name, sha256), own in by_network.items()
    ]
    return sorted(found, key=lambda figures: -figures.accuracy)


def network_figures(name: str, sha256: str, runs: Sequence[Run], classes: int, accuracy: float) -> NetworkFigures:
    """The figures of one network from its runs; classes without a run count as classes without parts."""
    masks = [[image.mask for image in run.used_images if image.mask is not None] for run in runs]
    return NetworkFigures(
        network=name,
        sha256=sha256,
        accuracy=accuracy,
        summaries=sum(len(run.summaries) for run in runs) / classes,
        area=fmean(fmean(mask.area for mask in own) for own in masks if own) if any(masks) else 0.0,
        parts=sum(len(mask.regions) for own in masks for mask in own) / classes,
    )


def correlations(networks: Sequence[NetworkFigures]) -> dict[str, Any]:
    """Rank correlation of accuracy and number of summaries, as it is and with area and parts held fixed."""
    columns = {
        name: [getattr(network, name) for network in networks] for name in ("accuracy", "summaries", "area", "parts")
    }
    both = columns["area"], columns["parts"]
    choices: dict[str, tuple[list[float], ...]] = {
        "plain": (),
        "area": both[:1],
        "parts": both[1:],
        "area_and_parts": both,
    }
    found = {
        name: rank_correlation(columns["accuracy"], columns["summaries"], fixed) for name, fixed in choices.items()
    }
    return {name: {"rho": pair[0], "p_value": pair[1]} if pair else None for name, pair in found.items()}


def _check_alike(by_network: dict[tuple[str, str], list[Run]]) -> None:
    """Every network has one run of each class, over the same images with the same options."""
    subjects = {f"{name} ({sha256[:8]})": _subject(runs) for (name, sha256), runs in by_network.items()}
    first = next(iter(subjects))
    for name, subject in subjects.items():
        if differing := sorted({target for target, _ in subject ^ subjects[first]}):
            text = f"{name} and {first} have not the same classes, images and options: {', '.join(differing)}"
            raise InvalidInputError(text, "runs")
    for (name, _), runs in by_network.items():
        if len(runs) != len({target for target, _ in _subject(runs)}):
            raise InvalidInputError(f"{name} has several runs of one class", "runs")


def _subject(runs: Sequence[Run]) -> set[tuple[str, str]]:
    """Class of each run, and what its network was asked of it."""
    return {(run.configuration["target"]["name"], _asked(run.configuration)) for run in runs}


def _asked(configuration: dict[str, Any]) -> str:
    shared = {name: value for name, value in configuration.items() if name not in _NOT_SHARED}
    return json.dumps(shared, sort_keys=True)


def _recognized(runs: Sequence[Run]) -> float:
    """Share of the images whose best class is that of their run, whether unrecognized ones were admitted or not."""
    seen = [
        bool(image.predicted) and image.predicted[0].index == run.configuration["target"]["index"]
        for run in runs
        for image in run.images
        if image.status in ("used", "unrecognized")
    ]
    return sum(seen) / max(1, len(seen))
