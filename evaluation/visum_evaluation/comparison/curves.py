"""How a class's probability falls and rises as pixels are taken away and given back in the order of an attribution.

Source: Petsiuk, Das and Saenko, RISE: Randomized Input Sampling for Explanation of Black-box Models, BMVC 2018.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from visum_evaluation.masks.samples import Sample
from visum_mask import objective
from visum_mask.perturbation import gaussian_blur, scaled_length
from visum_models import Classifier

STEPS = 32
"""Equal shares of the view that pixels are taken in."""
BLUR_SIGMA = 10.0
"""Of a view of 224; what crisp masks are optimized with."""


@dataclass(frozen=True)
class Scores:
    """Of one attribution of one image. Areas under curves of the probability, as shares of the untouched one."""

    deletion_blur: float
    """The most important pixels are blurred first: less is better."""
    deletion_mean: float
    """They get the view's mean colour first: less is better."""
    insertion_blur: float
    """They come back first into a blurred view: more is better."""
    drop_blur: float
    """Relative drop when a given share of the view, the most important pixels, is blurred."""
    drop_mean: float
    """The same when they get the view's mean colour."""
    causal: float | None
    """Share of these pixels that lie on parts which the network is known to use; None where that is not known."""


def score(classifier: Classifier, sample: Sample, attribution: NDArray[np.float32], area: float) -> Scores:
    """What an attribution [S, S] is worth; of equal pixels those count more that come first, row by row.

    Args:
        classifier: The network.
        sample: The view and its class.
        attribution: Of this view.
        area: Share of the view whose loss is measured, 0..1.
    """
    pixels = classifier.to_pixels(sample.view)[None]
    ranks = _ranks(attribution)
    blurred = gaussian_blur(pixels, scaled_length(BLUR_SIGMA, pixels.shape[-1]))
    mean = pixels.mean(dim=(2, 3), keepdim=True).expand_as(pixels)
    shares = [step / STEPS for step in range(STEPS + 1)]
    before = _probabilities(classifier, [pixels], sample.target)[0]

    def after(chosen: list[float], first: Tensor, rest: Tensor) -> NDArray[np.float64]:
        views = [torch.where(torch.from_numpy(ranks < share), first, rest) for share in chosen]
        return _probabilities(classifier, views, sample.target) / max(before, np.finfo(float).tiny)

    chosen = ranks < area
    planted = sample.planted
    return Scores(
        deletion_blur=_area_under(after(shares, blurred, pixels)),
        deletion_mean=_area_under(after(shares, mean, pixels)),
        insertion_blur=_area_under(after(shares, pixels, blurred)),
        drop_blur=1 - float(after([area], blurred, pixels)[0]),
        drop_mean=1 - float(after([area], mean, pixels)[0]),
        causal=float(planted.causal[chosen].mean()) if planted and chosen.any() else None,
    )


def _ranks(attribution: NDArray[np.float32]) -> NDArray[np.float64]:
    """0 for the most important pixel, and so on up to 1."""
    order = np.argsort(-attribution, axis=None, kind="stable")
    ranks = np.empty(attribution.size)
    ranks[order] = np.arange(attribution.size) / attribution.size
    return ranks.reshape(attribution.shape)


def _area_under(values: NDArray[np.float64]) -> float:
    return float(np.trapezoid(values, dx=1 / (len(values) - 1)))


def _probabilities(classifier: Classifier, views: list[Tensor], target: int) -> NDArray[np.float64]:
    with torch.no_grad():
        logits = torch.cat([classifier.logits(view) for view in views]).double()
    return objective.probability(logits, torch.full((len(views),), target)).cpu().numpy()
