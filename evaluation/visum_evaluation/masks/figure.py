"""Masks of several methods side by side (paper, figure 3)."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from visum_evaluation.masks.samples import Sample

_LABEL_PX = 14
_GAP_PX = 4
_PALE = 0.25
"""Contrast of the pixels that are not salient."""
_QUALITY = 88


def save_figure(path: Path, samples: Sequence[Sample], saliency: dict[str, list[NDArray[np.float32]]]) -> None:
    """Writes a picture: a row an image; the view, then each method's saliency in colour on a pale grey view."""
    rows = [
        [sample.view, *(_highlighted(sample.view, found[i]) for found in saliency.values())]
        for i, sample in enumerate(samples)
    ]
    side = len(samples[0].view)
    step = side + _GAP_PX
    canvas = Image.new("RGB", (step * len(rows[0]), _LABEL_PX + step * len(rows)), "white")
    draw = ImageDraw.Draw(canvas)
    for column, label in enumerate(("view", *saliency)):
        draw.text((column * step, 0), label, fill="black")
        for row, tiles in enumerate(rows):
            canvas.paste(Image.fromarray(tiles[column]), (column * step, _LABEL_PX + row * step))
    path.parent.mkdir(parents=True, exist_ok=True)
    canvas.save(path, quality=_QUALITY)


def _highlighted(view: NDArray[np.uint8], saliency: NDArray[np.float32]) -> NDArray[np.uint8]:
    grey = view.mean(axis=2, keepdims=True) * _PALE + 255 * (1 - _PALE)
    weight = saliency[..., None]
    return np.asarray(np.round(weight * view + (1 - weight) * grey), np.uint8)
