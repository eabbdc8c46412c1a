"""Explains the decision on a view: its scores, its mask, the mask's regions and drops."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from visum_mask.modes import extract_masks
from visum_mask.optimizer import OptimizedMask
from visum_mask.options import MaskOptions
from visum_mask.regions import Regions, find_regions
from visum_mask.scores import class_probabilities, perturbed_scores
from visum_models import Classifier


@dataclass(frozen=True)
class ExplainedMask:
    """A mask and what was measured of it. Drops are relative, fractions."""

    raw: NDArray[np.float32]
    """Saliency in 0..1, [S, S]."""
    binary: NDArray[np.bool_]
    """Salient pixels, [S, S]."""
    regions: Regions
    """Its regions."""
    drop_raw: float
    """Drop under the raw mask."""
    drop_binary: float
    """Drop under the binary mask."""
    drop_regions: float
    """Drop under the regions alone."""
    iterations: int
    """Iterations made."""
    required_drop: float
    """Drop that it had to reach."""
    target_reached: bool
    """The binary mask reaches the required drop."""


@dataclass(frozen=True)
class Explanation:
    """What a network says of a view."""

    probabilities: NDArray[np.float64]
    """Softmax, [classes]."""
    recognized: bool
    """The target is the best class."""
    mask: ExplainedMask | None
    """None where the view is not recognized and was not admitted, or the work was stopped."""


def explain(
    classifier: Classifier,
    views: Sequence[NDArray[np.uint8]],
    targets: Sequence[int],
    options: MaskOptions,
    *,
    admit: Sequence[bool],
    should_stop: Sequence[Callable[[], bool]],
) -> list[Explanation]:
    """Explains a batch of views of equal size.

    Args:
        classifier: The network.
        views: RGB, uint8 [S, S, 3] each.
        targets: Class to explain for each.
        options: How masks are optimized.
        admit: For each, whether it gets a mask though it is not recognized.
        should_stop: For each, asked before every iteration.
    """
    pixels = [classifier.to_pixels(view) for view in views]
    probabilities = [class_probabilities(classifier, view) for view in pixels]
    recognized = [int(p.argmax()) == target for p, target in zip(probabilities, targets, strict=True)]
    chosen = [i for i in range(len(views)) if recognized[i] or admit[i]]
    masks: dict[int, ExplainedMask] = {}
    if chosen:
        batch = torch.stack([pixels[i] for i in chosen])
        classes = torch.tensor([targets[i] for i in chosen], device=batch.device)
        found = extract_masks(classifier, batch, classes, options, [should_stop[i] for i in chosen])
        for i, mask in zip(chosen, found, strict=True):
            if mask is not None:
                masks[i] = _measure(classifier, pixels[i], targets[i], mask, options)
    return [Explanation(probabilities[i], recognized[i], masks.get(i)) for i in range(len(views))]


def _measure(
    classifier: Classifier, pixels: torch.Tensor, target: int, mask: OptimizedMask, options: MaskOptions
) -> ExplainedMask:
    binary = mask.binary.cpu().numpy()
    regions = find_regions(binary, options.min_region_area)
    region_mask = torch.from_numpy(regions.mask).to(pixels.device)
    saliency = torch.stack([torch.zeros_like(mask.raw), mask.raw, mask.binary.float(), region_mask.float()])
    scores = perturbed_scores(
        classifier, pixels, target, saliency, options.perturbation, options.blur_sigma
    ).probabilities
    drops = (scores[0] - scores[1:]) / max(scores[0], np.finfo(np.float64).tiny)
    return ExplainedMask(
        raw=mask.raw.cpu().numpy(),
        binary=binary,
        regions=regions,
        drop_raw=float(drops[0]),
        drop_binary=float(drops[1]),
        drop_regions=float(drops[2]),
        iterations=mask.iterations,
        required_drop=mask.required_drop,
        target_reached=float(drops[1]) >= mask.required_drop,
    )
