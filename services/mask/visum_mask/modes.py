"""Masks of every mode, for any number of views."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from visum_mask.batching import images_that_fit, in_batches
from visum_mask.optimizer import OptimizedMask, optimize_masks
from visum_mask.options import MaskOptions, Mode
from visum_models import Classifier

StopCheck = Callable[[], bool]


def extract_masks(
    classifier: Classifier,
    pixels: Tensor,
    targets: Tensor,
    options: MaskOptions,
    should_stop: Sequence[StopCheck] = (),
) -> list[OptimizedMask | None]:
    """Masks of views [N, 3, S, S] in 0..1 for their targets, int64 [N], in batches that fit the device.

    Arguments and answer are those of `optimize_masks`, for every mode.

    Raises:
        OutOfRange: Not even one view fits the device's memory.
    """
    checks = should_stop or [lambda: False] * len(pixels)

    def work(batch: slice) -> list[OptimizedMask | None]:
        return _extract(classifier, pixels[batch], targets[batch], options, checks[batch])

    return in_batches(work, len(pixels), images_that_fit(classifier, pixels[:1], options))


def threshold_to_area(saliency: Tensor, salient_pixels: int) -> Tensor:
    """The most salient pixels of [S, S], so many of them, bool; of equals those that come first row by row."""
    order = saliency.flatten().argsort(descending=True, stable=True)
    mask = torch.zeros_like(order, dtype=torch.bool)
    mask[order[:salient_pixels]] = True
    return mask.view_as(saliency)


def _extract(
    classifier: Classifier, pixels: Tensor, targets: Tensor, options: MaskOptions, checks: Sequence[StopCheck]
) -> list[OptimizedMask | None]:
    if options.mode is not Mode.IEBB_THRESH:
        return optimize_masks(classifier, pixels, targets, options, checks)
    smooth = optimize_masks(classifier, pixels, targets, replace(options, mode=Mode.IEBB), checks)
    crisp = optimize_masks(classifier, pixels, targets, replace(options, mode=Mode.CRISP), checks)
    return [a and b and thresholded(a, b) for a, b in zip(smooth, crisp, strict=True)]


def thresholded(smooth: OptimizedMask, crisp: OptimizedMask) -> OptimizedMask:
    """The smooth mask, made binary at the area of the crisp one; its raw mask is binary too."""
    binary = threshold_to_area(smooth.raw, int(crisp.binary.sum()))
    return OptimizedMask(binary.float(), binary, smooth.iterations + crisp.iterations, crisp.required_drop)
