"""The feature maps of a network at given strides, whatever its architecture."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from visum_models.classifier import Classifier
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

    def observe(name: str, output: object) -> None:
        if not isinstance(output, Tensor) or output.ndim != _MAP_DIMENSIONS:
            return
        _, channels, height, width = output.shape
        if height != width or channels == len(classifier.card.classes):
            return
        for stride in strides:
            if abs(height - side / stride) <= 1 < height:
                found[stride] = name

    with torch.no_grad(), _observed(classifier.network, observe):
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

    def keep(name: str, output: object) -> None:
        if name in layers.values() and isinstance(output, Tensor):
            caught[name] = output.float()

    with torch.no_grad(), _observed(classifier.network, keep):
        classifier.logits(pixels)
    return {stride: caught[name] for stride, name in layers.items()}


@contextmanager
def _observed(network: nn.Module, observe: Callable[[str, object], None]) -> Iterator[None]:
    """Tells the name and the answer of every submodule that is executed while the context is open."""
    handles = [
        module.register_forward_hook(lambda _module, _inputs, output, name=name: observe(name, output))
        for name, module in network.named_modules()
        if name
    ]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
