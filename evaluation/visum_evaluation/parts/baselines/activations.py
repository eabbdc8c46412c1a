"""What a layer answers, how the score of a class depends on it, and what the network says if it answers otherwise."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from visum_models import Classifier
from visum_models.strides import layers_at_strides, maps_at_strides

BATCH = 64

Floats = NDArray[np.float32]


def feature_maps(classifier: Classifier, pictures: NDArray[np.uint8], stride: int) -> Floats:
    """Maps [N, C, h, w] of pictures [N, S, S, 3] at a stride."""
    layers = layers_at_strides(classifier, [stride])
    found = [maps_at_strides(classifier, _pixels(classifier, part), layers)[stride] for part in _batches(pictures)]
    return torch.cat(found).cpu().numpy()


def cell_means(
    classifier: Classifier, pictures: NDArray[np.uint8], strides: Sequence[int], cells: int
) -> dict[int, Floats]:
    """Means of the maps over cells x cells equal parts, [N, C, cells, cells], of pictures [N, S, S, 3], by stride."""
    layers = layers_at_strides(classifier, strides)
    found: dict[int, list[Tensor]] = {stride: [] for stride in layers}
    for part in _batches(pictures):
        for stride, maps in maps_at_strides(classifier, _pixels(classifier, part), layers).items():
            found[stride].append(functional.adaptive_avg_pool2d(maps, cells).cpu())
    return {stride: torch.cat(values).numpy() for stride, values in found.items()}


def target_gradients(classifier: Classifier, pictures: NDArray[np.uint8], stride: int, target: int) -> Floats:
    """Derivatives [N, C, h, w] of the target's logit by the maps of pictures [N, S, S, 3] at a stride."""
    layer = layers_at_strides(classifier, [stride])[stride]
    found = []
    for part in _batches(pictures):
        leaves: list[Tensor] = []

        def cut(output: Tensor, leaves: list[Tensor] = leaves) -> Tensor:
            leaves.append(output.detach().requires_grad_())
            return leaves[-1]

        with torch.enable_grad(), _answering(classifier, layer, cut):
            scores = classifier.logits(_pixels(classifier, part))[:, target]
        found.append(torch.autograd.grad(scores.sum(), leaves[-1])[0])
    return torch.cat(found).cpu().numpy()


def target_logits(classifier: Classifier, maps: Floats, stride: int, target: int) -> Floats:
    """The target's logit [N] where the layer at a stride answers these maps [N, C, h, w]."""
    layer = layers_at_strides(classifier, [stride])[stride]
    side = classifier.card.preprocessing.crop
    found = []
    for start in range(0, len(maps), BATCH):
        part = torch.from_numpy(maps[start : start + BATCH]).to(classifier.device)
        blank = torch.zeros(len(part), 3, side, side, device=classifier.device)
        with torch.no_grad(), _answering(classifier, layer, lambda output, part=part: part):
            found.append(classifier.logits(blank)[:, target])
    return torch.cat(found).cpu().numpy()


@contextmanager
def _answering(classifier: Classifier, layer: str, answer: Any) -> Iterator[None]:
    """The network, with a layer that answers something else than it does."""

    def hook(_module: nn.Module, _inputs: tuple[Any, ...], output: Tensor) -> Tensor:
        return answer(output)

    handle = classifier.network.get_submodule(layer).register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


def _batches(pictures: NDArray[np.uint8]) -> Iterator[NDArray[np.uint8]]:
    return (pictures[start : start + BATCH] for start in range(0, len(pictures), BATCH))


def _pixels(classifier: Classifier, pictures: NDArray[np.uint8]) -> Tensor:
    return torch.stack([classifier.to_pixels(picture) for picture in pictures])
