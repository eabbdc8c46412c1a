"""Which layers a network executes, and what they answer, observed without leaving a trace."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

Observer = Callable[[str, nn.Module, tuple[Any, ...], Any], None]
"""Told the name of a layer, the layer, its inputs and its output."""


@dataclass(frozen=True)
class ExecutedLayer:
    """A leaf module that answered a tensor."""

    name: str
    module: nn.Module
    output_dimensions: int

    def is_fully_connected(self) -> bool:
        """By its parameters, since an exported program's submodules have no types."""
        weight = getattr(self.module, "weight", None)
        return isinstance(weight, Tensor) and weight.ndim == 2 and self.output_dimensions == 2


@contextmanager
def observing(layers: dict[str, nn.Module], observe: Observer) -> Iterator[None]:
    """Tells of each execution of these layers by this thread; other threads may use the network meanwhile."""
    owner = threading.get_ident()

    def hook(name: str) -> Callable[[nn.Module, tuple[Any, ...], Any], None]:
        def tell(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
            if threading.get_ident() == owner:
                observe(name, module, inputs, output)

        return tell

    handles = [module.register_forward_hook(hook(name)) for name, module in layers.items()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def executed_layers(network: nn.Module, images: Tensor) -> tuple[ExecutedLayer, ...]:
    """Leaf modules that answer a tensor for these images, in order of execution."""
    executed: list[ExecutedLayer] = []

    def observe(name: str, module: nn.Module, _inputs: tuple[Any, ...], output: Any) -> None:
        if isinstance(output, Tensor):
            executed.append(ExecutedLayer(name, module, output.ndim))

    leaves = {name: module for name, module in network.named_modules() if name and not any(module.children())}
    with observing(leaves, observe), torch.no_grad():
        network(images)
    return tuple(executed)
