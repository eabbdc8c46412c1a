"""Scores of a view before and after the pixels of each of several masks are perturbed."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from visum_mask.options import MaskOptions
from visum_mask.scores import Scores, perturbed_scores, untouched_scores
from visum_models import Classifier


@dataclass(frozen=True)
class DropScores:
    """Scores before and after."""

    before: Scores
    """One value."""
    after: Scores
    """One value a mask."""


def measure_drops(
    classifier: Classifier, view: NDArray[np.uint8], target: int, masks: NDArray[np.bool_], options: MaskOptions
) -> DropScores:
    """Scores of `target` on a view, uint8 [S, S, 3], as it is and with the true pixels of each mask perturbed.

    `masks` is bool [n, S, S].
    """
    pixels = classifier.to_pixels(view)
    saliency = torch.from_numpy(masks).to(pixels.device, torch.float32)
    after = perturbed_scores(classifier, pixels, target, saliency, options.perturbation, options.blur_sigma)
    return DropScores(untouched_scores(classifier, pixels, target), after)
