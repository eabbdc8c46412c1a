"""A trained network ready for use: pixels in, logits out."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from visum_models.card import Card
from visum_models.execution import Execution, run_network
from visum_models.observation import ExecutedLayer, executed_layers
from visum_runtime.errors import InvalidInput


@dataclass(frozen=True, eq=False)
class Classifier:
    """A network with its card, on a device.

    Args:
        network: Maps normalized images [N, 3, S, S] to logits [N, classes]; in eval mode, parameters frozen.
        card: What is known of it.
        device: Where it lives.
        execution: How it is run where speed matters.
    """

    network: nn.Module
    card: Card
    device: torch.device = field(default_factory=lambda: torch.device("cpu"))
    execution: Execution = field(default_factory=Execution)

    def logits(self, pixels: Tensor) -> Tensor:
        """Logits, float32 [N, classes], of images [N, 3, S, S] in 0..1, computed in fp32; differentiable."""
        return run_network(self.network, self.normalize(pixels), replace(self.execution, bf16=False))

    def fast_logits(self, normalized: Tensor) -> Tensor:
        """Logits, float32 [N, classes], of normalized images in the precision of its execution; differentiable."""
        return run_network(self.network, normalized, self.execution)

    def normalize(self, pixels: Tensor) -> Tensor:
        """Images [N, 3, S, S] in 0..1 as the network takes them."""
        mean, std = (torch.tensor(v, device=pixels.device).view(1, 3, 1, 1) for v in self._statistics())
        return ((pixels - mean) / std).contiguous(memory_format=self.execution.memory_format)

    def to_pixels(self, view: NDArray[np.uint8]) -> Tensor:
        """A view, uint8 [S, S, 3], as float32 [3, S, S] in 0..1 on the device."""
        return torch.from_numpy(view.copy()).permute(2, 0, 1).to(self.device, torch.float32) / 255

    @cached_property
    def executed_layers(self) -> tuple[ExecutedLayer, ...]:
        """Leaf modules that answer a tensor, in order of execution."""
        side = self.card.preprocessing.crop
        return executed_layers(self.network, torch.zeros(1, 3, side, side, device=self.device))

    def check_target(self, target: int) -> None:
        """Raises InvalidInput unless `target` is the index of a class."""
        if not 0 <= target < len(self.card.classes):
            raise InvalidInput(f"is {target}, must be within 0..{len(self.card.classes) - 1}", field="target")

    def bytes(self) -> int:
        """Memory that parameters and buffers take, bytes."""
        tensors = [*self.network.parameters(), *self.network.buffers()]
        return sum(tensor.numel() * tensor.element_size() for tensor in tensors)

    def _statistics(self) -> tuple[tuple[float, ...], tuple[float, ...]]:
        return self.card.preprocessing.mean, self.card.preprocessing.std


def check_outputs(network: Callable[[Tensor], Tensor], card: Card, device: torch.device) -> None:
    """Tries a network on one grey view, so that what cannot work is said when it is loaded.

    Raises:
        InvalidInput: The network fails on an input of its card's size, answers another shape than its card's classes,
            or scores that are not finite.
    """
    side = card.preprocessing.crop
    try:
        with torch.no_grad():
            logits = network(torch.zeros(1, 3, side, side, device=device))
    except Exception as error:  # whatever a foreign network raises
        raise InvalidInput(f"{card.name} fails on an input of 3 x {side} x {side}", field="model") from error
    if not isinstance(logits, Tensor) or logits.shape != (1, len(card.classes)):
        shape = list(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise InvalidInput(f"{card.name} answers {shape}, expected [1, {len(card.classes)}]", field="model")
    if not torch.isfinite(logits).all():
        raise InvalidInput(f"{card.name} answers scores that are not finite", field="model")
