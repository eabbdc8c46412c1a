"""The feature maps of a network at given strides, whatever its architecture."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from visum_models.classifier import Classifier
from visum_models.observation import observing
from visum_runtime.errors import FailedPrecondition

_MAP_DIMENSIONS = 4


def layers_at_strides(classifier: Classifier, strides: Sequence[int]) -> dict[int, str]:
    """The submodule that answers last at each stride: of a stage and its last layer, the stage.

    A submodule is at stride s if it answers square maps [N, C, ceil(S/s), ceil(S/s)], give or take a pixel, as networks
    round in different ways. Maps of class scores (as many channels as classes) are no features.

    Args:
        classifier: The network.
        strides: Strides asked for; those at which it has no maps are left out.

    Raises:
        FailedPrecondition: It has no maps at any of them, as a network of tokens.
    """
    side = classifier.card.preprocessing.crop
    found: dict[int, str] = {}

    def observe(name: str, _module: nn.Module, _inputs: tuple[Any, ...], output: Any) -> None:
        if not isinstance(output, Tensor) or output.ndim != _MAP_DIMENSIONS:
            return
        _, channels, height, width = output.shape
        if height != width or channels == len(classifier.card.classes):
            return
        for stride in strides:
            if abs(height - side / stride) <= 1 < height:
                found[stride] = name

    with torch.no_grad(), observing(_submodules(classifier), observe):
        classifier.logits(torch.zeros(1, 3, side, side, device=classifier.device))
    if not found:
        raise FailedPrecondition(f"model {classifier.card.name!r} has no feature maps at strides {list(strides)}")
    return dict(sorted(found.items()))


def maps_at_strides(classifier: Classifier, pixels: Tensor, layers: Mapping[int, str]) -> dict[int, Tensor]:
    """The feature maps, float32 [N, C, h, w], of images [N, 3, S, S] in 0..1, by stride.

    Args:
        classifier: The network.
        pixels: The images.
        layers: As `layers_at_strides` found them.
    """
    caught: dict[str, Tensor] = {}

    def keep(name: str, _module: nn.Module, _inputs: tuple[Any, ...], output: Tensor) -> None:
        caught[name] = output.float()

    watched = {name: classifier.network.get_submodule(name) for name in layers.values()}
    with torch.no_grad(), observing(watched, keep):
        classifier.logits(pixels)
    return {stride: caught[name] for stride, name in layers.items()}


def _submodules(classifier: Classifier) -> dict[str, nn.Module]:
    return {name: module for name, module in classifier.network.named_modules() if name}
