"""Attributions of several methods side by side."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from visum_evaluation.comparison.methods import Attribution
from visum_evaluation.masks import figure
from visum_evaluation.masks.samples import Sample

_BRIGHTEST = 99.0
"""Percentile from which pixels are drawn in full colour."""


def save_figure(path: Path, samples: Sequence[Sample], attributions: dict[str, list[Attribution]]) -> None:
    """Writes a picture: a row an image; the view, then for each method what speaks for the class in colour."""
    drawn = {name: [_shown(one) for one in found[: len(samples)]] for name, found in attributions.items()}
    figure.save_figure(path, samples, drawn)


def _shown(attribution: Attribution) -> Attribution:
    positive = attribution.clip(min=0)
    top = max(float(np.percentile(positive, _BRIGHTEST)), float(np.finfo(np.float32).tiny))
    return np.asarray((positive / top).clip(max=1), np.float32)
