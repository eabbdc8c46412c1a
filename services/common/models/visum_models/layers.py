"""Layers of a network: which one gives the features, and what it answers."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from visum_models.classifier import Classifier
from visum_models.observation import observing
from visum_runtime.errors import NotFound


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
    executed = classifier.executed_layers
    last_spatial = max((i for i, layer in enumerate(executed) if layer.output_dimensions > 2), default=-1)
    connected = [layer.name for layer in executed[last_spatial + 1 :] if layer.is_fully_connected()]
    return connected[0] if len(connected) > 1 else last_layer(classifier)


def last_layer(classifier: Classifier) -> str:
    """The layer with parameters that is executed last."""
    executed = classifier.executed_layers
    return [layer.name for layer in executed if next(layer.module.parameters(), None) is not None][-1]


def feature_source(classifier: Classifier, layer: str) -> tuple[str, bool]:
    """The layer that a name means (empty: the feature layer), and whether its input, not its output, is the feature.

    Raises:
        NotFound: The network has no such layer.
    """
    layer = layer or feature_layer(classifier)
    if layer not in dict(classifier.network.named_modules()):
        raise NotFound(f"model {classifier.card.name!r} has no layer {layer!r}")
    return layer, layer == last_layer(classifier)


def embed(classifier: Classifier, pixels: Tensor, layer: str) -> Embedding:
    """Features of images [N, 3, S, S] in 0..1: the output of `layer`, or, of the last layer, its input.

    Raises:
        NotFound: The network has no such layer, or does not execute it.
    """
    layer, takes_input = feature_source(classifier, layer)
    caught: list[Any] = []

    def catch(_name: str, _module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        caught.append(inputs[0] if takes_input else output)

    with observing({layer: classifier.network.get_submodule(layer)}, catch), torch.no_grad():
        logits = classifier.logits(pixels)
    if not caught or not isinstance(caught[0], Tensor):
        raise NotFound(f"layer {layer!r} of model {classifier.card.name!r} gives no features")
    return Embedding(pooled(caught[0]).float(), logits)


def pooled(features: Tensor) -> Tensor:
    """Features as rows [N, F]: maps [N, C, H, W] are averaged over positions, others flattened."""
    return features.mean(dim=(2, 3)) if features.ndim == 4 else features.flatten(1)
