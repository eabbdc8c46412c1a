"""What must not be found, and what must: a network that learned nothing, the decoy, the shortcut."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from visum_demo import load_world
from visum_demo.network import PartsNetwork, compact, normalized
from visum_demo.shipped import load_causal_figures, model_path
from visum_demo.worlds import WorldName
from visum_evaluation.parts.experiment import PartsOptions, Shown, Variant, Workspace, run_variant
from visum_evaluation.parts.measures import ShownSummary, chance_purities
from visum_evaluation.parts.scenes import FIRST_SEED, Scenes
from visum_models import export_network
from visum_models.card import read_card_file

_LOGIT_SPREAD = 5.0
"""Standard deviation of the logits of the network with random weights over pictures: as confident as a trained one."""
_PICTURES_A_CLASS = 6


@dataclass(frozen=True)
class RandomWeights:
    """What a network with random weights gives."""

    summaries: float
    """Summaries a class."""
    purity: float | None
    """Their mean purity; None where there are none."""
    null_p95: float | None
    """95 % quantile of the purity when the members' parts are dealt out at random."""


def random_weights(workspace: Workspace, options: PartsOptions) -> RandomWeights:
    """Runs classes, one a family, with a network of random weights."""
    model = workspace.out / f"random-weights-{options.world}.pt2"
    if not (model.exists() and model.with_suffix(".json").exists()):  # the card is written last
        write_random_network(options.world, model)
    shown = run_variant(workspace, one_class_a_family(options), Variant("random-weights", options.steps, model))
    summaries = [summary for found in shown.values() for summary in found]
    chance = chance_purities(summaries, np.random.default_rng(FIRST_SEED)) if summaries else None
    return RandomWeights(
        len(summaries) / len(shown),
        float(np.mean([summary.purity for summary in summaries])) if summaries else None,
        None if chance is None else float(np.quantile(chance, 0.95)),
    )


def count_kind(options: PartsOptions, shown: Shown, kind: str) -> int:
    """Summaries whose modal part is of a kind (decoy, shortcut), over all classes and rounds."""
    return sum(_shows(options.world, name, summary, kind) for (_, name), found in shown.items() for summary in found)


def one_class_a_family(options: PartsOptions) -> PartsOptions:
    """The same over the first class of each family that is evaluated, in the first round."""
    world = load_world(options.world)
    first: dict[str, str] = {}
    for name in options.classes or world.classes:
        first.setdefault(world.blueprints[name].family.name, name)
    return replace(options, classes=tuple(first.values()), rounds=1)


def write_random_network(world: WorldName, path: Path) -> None:
    """Writes a network of the world's architecture with random weights, scaled so that it is confident.

    Weights as He et al. (Delving deep into rectifiers) draw them; normalizations and logits have the statistics of
    pictures of the world, so that activations are neither dead nor saturated.
    """
    torch.manual_seed(FIRST_SEED)
    names = load_world(world).classes
    network = PartsNetwork(len(names))
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
    pictures = normalized(_some_pictures(world, names))
    with torch.no_grad():
        network.train()(pictures)
        logits = network.eval()(pictures)
        centred = logits - logits.mean(dim=0)
        gain = _LOGIT_SPREAD / centred.std()
        network.classifier.bias.sub_(logits.mean(dim=0)).mul_(gain)
        network.classifier.weight.mul_(gain)
    preprocessing = read_card_file(model_path(world).with_suffix(".json")).preprocessing
    assert preprocessing is not None
    export_network(compact(network), path, list(names), preprocessing)


def _some_pictures(world: WorldName, names: Sequence[str]) -> NDArray[np.uint8]:
    return np.concatenate([Scenes(world, "default", name, 0, _PICTURES_A_CLASS).pictures() for name in names])


def _shows(world: WorldName, name: str, summary: ShownSummary, kind: str) -> bool:
    return any(figure.part == summary.modal and figure.kind == kind for figure in load_causal_figures(world)[name])
