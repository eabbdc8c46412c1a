"""CUDA graphs: a network's forward and backward pass without the launch of its hundreds of kernels."""

import logging
from collections.abc import Callable
from typing import cast

import torch
from torch import Tensor

_LOG = logging.getLogger(__name__)


def replayed(function: Callable[[Tensor], Tensor], example: Tensor) -> Callable[[Tensor], Tensor]:
    """The function itself; on a GPU, for inputs shaped as the example, recorded once and replayed.

    Inputs of other shapes, as when views leave a batch, and networks that cannot be recorded run as they are.
    """
    if not example.is_cuda:
        return function
    try:
        recorded = torch.cuda.make_graphed_callables(function, (torch.zeros_like(example).requires_grad_(),))
    except torch.OutOfMemoryError:
        raise
    except RuntimeError as error:
        _LOG.info("runs without CUDA graphs: %s", error)
        return function
    return by_shape(cast(Callable[[Tensor], Tensor], recorded), function, example.shape)


def by_shape(
    recorded: Callable[[Tensor], Tensor], plain: Callable[[Tensor], Tensor], shape: torch.Size
) -> Callable[[Tensor], Tensor]:
    """The recorded function for inputs that need a gradient and are of one shape, the plain one for all others."""

    def choose(images: Tensor) -> Tensor:
        return (recorded if images.shape == shape and images.requires_grad else plain)(images)

    return choose
