"""Adam over a batch of independent images, from which images can be taken out."""

import math

import torch
from torch import Tensor

_BETA1 = 0.9
_BETA2 = 0.999
_EPSILON = 1e-8


class Adam:
    """Kingma and Ba's Adam with the usual constants, elementwise, so that images do not influence each other."""

    def __init__(self, values: Tensor) -> None:
        self._mean = torch.zeros_like(values)
        self._square = torch.zeros_like(values)
        self._steps = 0

    def step(self, values: Tensor, gradient: Tensor, learning_rate: float) -> None:
        """Moves `values` in place."""
        self._steps += 1
        self._mean.lerp_(gradient, 1 - _BETA1)
        self._square.mul_(_BETA2).addcmul_(gradient, gradient, value=1 - _BETA2)
        scale = math.sqrt(1 - _BETA2**self._steps)
        denominator = (self._square.sqrt() / scale).add_(_EPSILON)
        values.addcdiv_(self._mean, denominator, value=-learning_rate / (1 - _BETA1**self._steps))

    def keep(self, indices: Tensor) -> None:
        """Forgets all images but those of `indices`."""
        self._mean = self._mean[indices]
        self._square = self._square[indices]
