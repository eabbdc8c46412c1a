"""What masks do to a network: drops under them, under other perturbations, under changed and random masks."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from visum_evaluation.masks import variants
from visum_evaluation.masks.mask_store import MadeMask
from visum_evaluation.masks.samples import Sample
from visum_mask import objective
from visum_mask.options import Perturbation
from visum_mask.scores import perturbed_scores, untouched_scores
from visum_models import Classifier

PLACEMENTS = 3
"""Random masks an image."""
_TINY = np.finfo(np.float64).tiny


@dataclass(frozen=True)
class Drops:
    """Relative drops of one image's target, fractions, where nothing else is said under the binary mask."""

    raw: float
    """Under the raw mask."""
    binary: float
    """Under the binary mask."""
    pyramid: float
    """Under the raw mask, each pixel blurred by its own sigma; on binary masks that is the usual blur."""
    mean_fill: float
    """Salient pixels replaced by the view's mean colour."""
    dilated: float
    """The mask grown by 3 pixels."""
    eroded: float
    """The mask shrunk by 1 pixel."""
    no_small_components: float
    """Without components under 1 % of the view."""
    random_same_area: float
    """Mean over masks of the same components at random places."""
    transfer: float | None
    """On another network; None without one, or where that does not recognize the view."""


def measure_drops(classifier: Classifier, sample: Sample, mask: MadeMask, other: Classifier | None) -> Drops:
    """All drops of one mask; random placements are seeded by the mask itself."""
    generator = np.random.default_rng(int(mask.binary.sum()))
    placed = [variants.moved_at_random(mask.binary, generator) for _ in range(PLACEMENTS)]
    changed = [variants.dilated(mask.binary), variants.eroded(mask.binary)]
    changed.append(variants.without_small_components(mask.binary))
    drops = blurred_drops(classifier, sample, np.stack([mask.raw, mask.binary, *changed, *placed]))
    transfer = transferred_drops(other, sample, mask.binary[None]) if other else None
    return Drops(
        raw=drops[0],
        binary=drops[1],
        pyramid=blurred_drops(classifier, sample, mask.raw[None], Perturbation.PYRAMID)[0],
        mean_fill=_mean_fill_drop(classifier, sample, mask.binary),
        dilated=drops[2],
        eroded=drops[3],
        no_small_components=drops[4],
        random_same_area=float(np.mean(drops[5:])),
        transfer=transfer[0] if transfer else None,
    )


def blurred_drops(
    classifier: Classifier, sample: Sample, saliency: NDArray, kind: Perturbation = Perturbation.BLEND
) -> list[float]:
    """Relative drop under each saliency map of [n, S, S]."""
    pixels = classifier.to_pixels(sample.view)
    maps = torch.from_numpy(saliency.astype(np.float32)).to(pixels.device)
    before = untouched_scores(classifier, pixels, sample.target).probabilities[0]
    after = perturbed_scores(classifier, pixels, sample.target, maps, kind).probabilities
    return [float(drop) for drop in (before - after) / max(before, _TINY)]


def transferred_drops(other: Classifier, sample: Sample, masks: NDArray[np.bool_]) -> list[float] | None:
    """Drops on another network with the same views and classes; None where it does not recognize the view."""
    with torch.no_grad():
        best = int(other.logits(other.to_pixels(sample.view)[None]).argmax())
    return blurred_drops(other, sample, masks) if best == sample.target else None


def _mean_fill_drop(classifier: Classifier, sample: Sample, mask: NDArray[np.bool_]) -> float:
    pixels = classifier.to_pixels(sample.view)[None]
    salient = torch.from_numpy(mask).to(pixels.device)
    filled = torch.where(salient, pixels.mean(dim=(2, 3), keepdim=True), pixels)
    target = torch.tensor([sample.target] * 2, device=pixels.device)
    with torch.no_grad():
        before, after = objective.probability(classifier.logits(torch.cat([pixels, filled])).double(), target).tolist()
    return (before - after) / max(before, _TINY)
