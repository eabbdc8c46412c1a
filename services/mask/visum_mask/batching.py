"""How many views a device optimizes together."""

import math
from collections.abc import Callable
from typing import TypeVar

import torch
from torch import Tensor

from visum_mask.options import MaskOptions
from visum_mask.perturbation import make_perturbation
from visum_models import Classifier
from visum_runtime.errors import OutOfRange

Result = TypeVar("Result")

USABLE_SHARE = 0.8
"""Share of a GPU's free memory that a batch is planned for; the rest is for what the plan does not see."""


def in_batches(work: Callable[[slice], list[Result]], count: int, size: int) -> list[Result]:
    """Results of `work` for items 0..count, `size` at a time; where memory runs out, half as many, and on from there.

    Raises:
        OutOfRange: One item alone runs out of memory.
    """
    results: list[Result] = []
    while (length := min(size, count - len(results))) > 0:
        try:
            results += work(slice(len(results), len(results) + length))
            continue
        except torch.OutOfMemoryError as error:
            if length == 1:
                raise OutOfRange("the device's memory does not hold one view with this network") from error
        # Outside the handler, where the error's traceback no longer holds the tensors of the failed batch.
        size = math.ceil(length / 2)
        _release()
    return results


def images_that_fit(classifier: Classifier, example: Tensor, options: MaskOptions) -> int:
    """Views like the example [1, 3, S, S] that the device's free memory holds in one batch; on a CPU: all."""
    if not example.is_cuda:
        return _UNLIMITED
    free, _ = torch.cuda.mem_get_info(example.device)
    cached = torch.cuda.memory_reserved(example.device) - torch.cuda.memory_allocated(example.device)
    try:
        return batch_of(free + cached, _bytes_an_image(classifier, example, options))
    except torch.OutOfMemoryError:
        return 1


def batch_of(free_bytes: int, bytes_an_image: int) -> int:
    """The largest power of two of images that a share of the free memory holds, at least 1."""
    images = int(free_bytes * USABLE_SHARE) // max(bytes_an_image, 1)
    return 1 << max(images.bit_length() - 1, 0)


def try_pass(classifier: Classifier, pixels: Tensor, options: MaskOptions) -> None:
    """What an iteration does with views [N, 3, S, S] that takes memory: perturbs them, and goes forward and back."""
    perturb = make_perturbation(classifier.normalize(pixels), options.perturbation, options.blur_sigma)
    keep = torch.ones_like(pixels[:, :1]).requires_grad_()
    torch.autograd.grad(classifier.fast_logits(perturb(keep)).sum(), keep)


def _bytes_an_image(classifier: Classifier, example: Tensor, options: MaskOptions) -> int:
    """Peak of one pass, measured with two images less one, so that constant parts fall out."""
    one, two = (_peak_bytes(classifier, example.expand(count, -1, -1, -1), options) for count in (1, 2))
    return max(two - one, example.numel() * example.element_size())


def _peak_bytes(classifier: Classifier, pixels: Tensor, options: MaskOptions) -> int:
    torch.cuda.reset_peak_memory_stats(pixels.device)
    before = torch.cuda.memory_allocated(pixels.device)
    try_pass(classifier, pixels, options)
    return torch.cuda.max_memory_allocated(pixels.device) - before


def _release() -> None:
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


_UNLIMITED = 1 << 30
