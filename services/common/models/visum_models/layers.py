"""Layers of a network: which one gives the features, and what it answers."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from visum_models.classifier import Classifier
from visum_runtime.errors import NotFound


@dataclass(frozen=True)
class _ExecutedLayer:
    name: str
    module: nn.Module
    output_dimensions: int

    def is_fully_connected(self) -> bool:
        """By its parameters, since an exported program's submodules have no types."""
        weight = getattr(self.module, "weight", None)
        return isinstance(weight, Tensor) and weight.ndim == 2 and self.output_dimensions == 2


@dataclass(frozen=True)
class Embedding:
    """What a network makes of a batch."""

    features: Tensor
    """float32 [N, F]; feature maps are averaged over positions."""
    logits: Tensor
    """float32 [N, classes]."""


def feature_layer(classifier: Classifier) -> str:
    """The layer that gives the features.

    The card's; else the first fully connected layer of the head, if another follows it; else the last layer.

    The head is what comes, in order of execution, after the last layer that still answers positions or tokens.
    """
    if classifier.card.feature_layer:
        return classifier.card.feature_layer
    executed = _executed_layers(classifier)
    last_spatial = max((i for i, layer in enumerate(executed) if layer.output_dimensions > 2), default=-1)
    connected = [layer.name for layer in executed[last_spatial + 1 :] if layer.is_fully_connected()]
    return connected[0] if len(connected) > 1 else last_layer(classifier)


def last_layer(classifier: Classifier) -> str:
    """The layer with parameters that is executed last."""
    executed = _executed_layers(classifier)
    return [layer.name for layer in executed if next(layer.module.parameters(), None) is not None][-1]


def embed(classifier: Classifier, pixels: Tensor, layer: str) -> Embedding:
    """Features of images [N, 3, S, S] in 0..1: the output of `layer`, or, of the last layer, its input.

    Raises:
        NotFound: The network has no such layer, or does not execute it.
    """
    modules = dict(classifier.network.named_modules())
    if not layer or layer not in modules:
        raise NotFound(f"model {classifier.card.name!r} has no layer {layer!r}")
    takes_input = layer == last_layer(classifier)
    caught: list[Tensor] = []

    def catch(_module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        caught.append(inputs[0] if takes_input else output)

    handle = modules[layer].register_forward_hook(catch)
    try:
        with torch.no_grad():
            logits = classifier.logits(pixels)
    finally:
        handle.remove()
    if not caught or not isinstance(caught[0], Tensor):
        raise NotFound(f"layer {layer!r} of model {classifier.card.name!r} gives no features")
    return Embedding(_pooled(caught[0]).float(), logits)


def _pooled(features: Tensor) -> Tensor:
    return features.mean(dim=(2, 3)) if features.ndim == 4 else features.flatten(1)


def _executed_layers(classifier: Classifier) -> list[_ExecutedLayer]:
    """Leaf modules that answer a tensor, in order of execution."""
    executed: list[_ExecutedLayer] = []

    def observe(name: str, module: nn.Module, output: object) -> None:
        if isinstance(output, Tensor):
            executed.append(_ExecutedLayer(name, module, output.ndim))

    handles = [
        module.register_forward_hook(lambda module, _inputs, output, name=name: observe(name, module, output))
        for name, module in classifier.network.named_modules()
        if name and not any(module.children())
    ]
    try:
        side = classifier.card.preprocessing.crop
        with torch.no_grad():
            classifier.logits(torch.zeros(1, 3, side, side, device=classifier.device))
    finally:
        for handle in handles:
            handle.remove()
    return executed
