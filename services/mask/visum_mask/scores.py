"""Scores of a view before and after perturbation."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from visum_mask import objective
from visum_mask.options import Perturbation
from visum_mask.perturbation import make_perturbation
from visum_models import Classifier

_CHUNK = 8


@dataclass(frozen=True)
class Scores:
    """Score of one target on a number of pictures, float64."""

    probabilities: NDArray[np.float64]
    """Softmax probability, [n]."""
    log_odds: NDArray[np.float64]
    """Log-odds, [n]."""


def class_probabilities(classifier: Classifier, pixels: Tensor) -> NDArray[np.float64]:
    """Softmax over all classes, float64 [classes], of one view [3, S, S]."""
    with torch.no_grad():
        return classifier.logits(pixels[None])[0].double().softmax(dim=0).cpu().numpy()


def perturbed_scores(
    classifier: Classifier,
    pixels: Tensor,
    target: int,
    saliency: Tensor,
    kind: Perturbation = Perturbation.BLEND,
    sigma: float = 10.0,
) -> Scores:
    """Scores of a target on one view perturbed by each of several masks.

    Args:
        classifier: The network.
        pixels: View, float32 [3, S, S] in 0..1.
        target: Index of the class.
        saliency: Masks, float32 [n, S, S] in 0..1; 1 is fully perturbed.
        kind: Perturbation.
        sigma: Standard deviation of the blur, pixels of a view of 224.
    """
    perturb = make_perturbation(pixels[None], kind, sigma)
    logits = [_logits(classifier, perturb(1 - chunk[:, None])) for chunk in saliency.split(_CHUNK)]
    return _scores(torch.cat(logits) if logits else pixels.new_zeros(0, len(classifier.card.classes)), target)


def untouched_scores(classifier: Classifier, pixels: Tensor, target: int) -> Scores:
    """Scores of a target on one untouched view [3, S, S]."""
    return _scores(_logits(classifier, pixels[None]), target)


def _logits(classifier: Classifier, pixels: Tensor) -> Tensor:
    with torch.no_grad():
        return classifier.logits(pixels)


def _scores(logits: Tensor, target: int) -> Scores:
    values = logits.double()
    targets = torch.full((len(values),), target, device=values.device)
    probabilities = objective.probability(values, targets).cpu().numpy()
    return Scores(probabilities, objective.log_odds(values, targets).cpu().numpy())
