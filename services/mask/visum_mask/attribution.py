"""Crisp masks as an attribution method for a user's own network, called as Captum's methods are."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

import torch
from torch import Tensor, nn

from visum_mask.modes import extract_masks
from visum_mask.options import MaskOptions
from visum_models import Card, Classifier, Preprocessing
from visum_runtime.errors import InvalidInput

Inputs = TypeVar("Inputs", Tensor, tuple[Tensor, ...])
Target = int | Sequence[int] | Tensor | None
_UNIT = (1.0, 1.0, 1.0)
_ZERO = (0.0, 0.0, 0.0)


class CrispMask:
    """Attributes a network's decisions to the pixels that it cannot do without.

    The network is left as it was: its mode, its parameters, their gradients and its hooks.

    Args:
        model: Maps normalized images [N, 3, S, S] to logits [N, classes].
        options: How masks are optimized.
    """

    def __init__(self, model: nn.Module, options: MaskOptions | None = None) -> None:
        self.model = model
        self.options = options or MaskOptions()

    def attribute(self, inputs: Inputs, target: Target = None, *, binary: bool = False) -> Inputs:
        """Saliency of each pixel for a class, 0 (kept as it is) to 1 (the class needs it).

        Args:
            inputs: Images as the network takes them, normalized, float [N, 3, S, S], square; or a tuple of that alone.
            target: The class to explain: one for all images, or one for each; None: each image's best class.
            binary: Whether to return binary masks instead of those with narrow soft outlines.

        Returns:
            Saliency in the shape, type and device of the inputs, the same for the three channels; a tuple for a tuple.

        Raises:
            InvalidInput: Inputs or targets are not of these shapes, or the network does not answer [N, classes].
            OutOfRange: The device's memory does not hold one image.
        """
        if not isinstance(inputs, tuple):
            return self._saliency(inputs, target, binary)
        if len(inputs) != 1:
            raise InvalidInput(f"are {len(inputs)}, expected one tensor", field="inputs")
        return (self._saliency(inputs[0], target, binary),)

    def _saliency(self, inputs: Tensor, target: Target, binary: bool) -> Tensor:
        _check_inputs(inputs)
        with _frozen(self.model):
            images = inputs.detach().float()
            with torch.no_grad():
                logits = self.model(images)
            targets = _targets(target, logits, len(images))
            masks = extract_masks(_classifier(self.model, images, logits.shape[1]), images, targets, self.options)
        saliency = torch.stack([mask.binary.float() if binary else mask.raw for mask in masks if mask])
        return saliency[:, None].expand_as(inputs).to(inputs.dtype).contiguous()


def _classifier(model: nn.Module, images: Tensor, classes: int) -> Classifier:
    """The network for images that are normalized already; blurring commutes with normalizing, so masks are the same."""
    side = images.shape[-1]
    names = tuple(str(index) for index in range(classes))
    card = Card("own", "0" * 64, type(model).__name__, names, Preprocessing(side, side, mean=_ZERO, std=_UNIT))
    return Classifier(model, card, images.device)


def _check_inputs(inputs: Tensor) -> None:
    is_square = inputs.ndim == 4 and inputs.shape[1] == 3 and inputs.shape[2] == inputs.shape[3]
    if not is_square or not len(inputs) or not inputs.is_floating_point():
        raise InvalidInput(f"are {inputs.dtype} {list(inputs.shape)}, expected float [N, 3, S, S]", field="inputs")


def _targets(target: Target, logits: Tensor, images: int) -> Tensor:
    if not isinstance(logits, Tensor) or logits.ndim != 2 or len(logits) != images:
        shape = list(logits.shape) if isinstance(logits, Tensor) else type(logits).__name__
        raise InvalidInput(f"answers {shape}, expected [{images}, classes]", field="model")
    if target is None:
        return logits.argmax(dim=1)
    given = torch.as_tensor(target, device=logits.device)
    if given.is_floating_point() or given.numel() not in (1, images) or given.ndim > 1:
        raise InvalidInput(f"is {list(given.shape)} of {given.dtype}, expected one class or {images}", field="target")
    classes = given.long().expand(images).clone()
    if not ((classes >= 0) & (classes < logits.shape[1])).all():
        raise InvalidInput(f"must be within 0..{logits.shape[1] - 1}", field="target")
    return classes


@contextmanager
def _frozen(model: nn.Module) -> Iterator[None]:
    """A network in eval mode whose parameters need no gradient; as it was, afterwards."""
    trained = [module for module in model.modules() if module.training]
    learning = [parameter for parameter in model.parameters() if parameter.requires_grad]
    try:
        for module in trained:  # exported programs refuse eval()
            module.training = False
        for parameter in learning:
            parameter.requires_grad_(False)
        with torch.enable_grad():
            yield
    finally:
        for parameter in learning:
            parameter.requires_grad_(True)
        for module in trained:
            module.training = True
