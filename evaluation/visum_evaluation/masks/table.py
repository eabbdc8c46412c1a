"""The figures of one method over all images (paper, table 2)."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from visum_evaluation.masks.faithfulness import Drops, measure_drops, transferred_drops
from visum_evaluation.masks.mask_store import MadeMask
from visum_evaluation.masks.samples import Sample
from visum_evaluation.masks.variants import component_count, with_area
from visum_models import Classifier

FAITHFULNESS = (
    "pyramid",
    "mean_fill",
    "dilated",
    "eroded",
    "no_small_components",
    "transfer",
    "random_same_area",
)
_GREY = (0.1, 0.9)
_PERCENT = 100.0


def method_figures(
    classifier: Classifier, samples: Sequence[Sample], masks: Sequence[MadeMask], other: Classifier | None
) -> dict[str, Any]:
    """Means over images: drops in percent, variances of fractions, area and grey as fractions, components, seconds."""
    drops = [measure_drops(classifier, *pair, other) for pair in zip(samples, masks, strict=True)]
    return {
        "drop_raw": _mean_drop(drops, "raw"),
        "drop_binary": _mean_drop(drops, "binary"),
        "variance_raw": _variance(drops, "raw"),
        "variance_binary": _variance(drops, "binary"),
        "area": _mean(mask.binary.mean() for mask in masks),
        "grey": _mean(((mask.raw >= _GREY[0]) & (mask.raw <= _GREY[1])).mean() for mask in masks),
        "components": _mean(component_count(mask.binary) for mask in masks),
        "seconds_per_image": _mean(mask.seconds for mask in masks),
        "faithfulness": {name: _mean_drop(drops, name) for name in FAITHFULNESS},
    }


def planted_shares(samples: Sequence[Sample], masks: Sequence[MadeMask]) -> dict[str, float | None]:
    """Mean share of the mask's pixels on causal planted parts and on background, and of those parts in the mask."""
    pairs = [(s.planted, m.binary) for s, m in zip(samples, masks, strict=True) if s.planted and m.binary.any()]
    return {
        "causal": _mean(planted.causal[mask].mean() for planted, mask in pairs),
        "background": _mean(planted.background[mask].mean() for planted, mask in pairs),
        "causal_recall": _mean(mask[planted.causal].mean() for planted, mask in pairs if planted.causal.any()),
    }


def transfer_at_equal_area(
    other: Classifier, samples: Sequence[Sample], masks: dict[str, list[MadeMask]], reference: str
) -> dict[str, float | None]:
    """Mean drops on another network, every method's mask grown or shrunk to the area of one method's, in percent."""
    found: dict[str, list[float]] = {name: [] for name in masks}
    for i, sample in enumerate(samples):
        pixels = int(masks[reference][i].binary.sum())
        drops = transferred_drops(other, sample, np.stack([with_area(m[i].binary, pixels) for m in masks.values()]))
        for name, drop in zip(masks, drops or (), strict=False):
            found[name].append(drop * _PERCENT)
    return {name: _mean(drops) for name, drops in found.items()}


def table(result: dict[str, Any]) -> str:
    """The figures for people."""
    lines = [f"{result['images']} images, {result['skipped']} not recognized, {result['failed']} not readable"]
    names = ("drop_raw", "drop_binary", "variance_binary", "area", "components", "seconds_per_image")
    lines.append(" ".join(["method".ljust(12), *(f"{name:>17}" for name in (*names, *FAITHFULNESS))]))
    for method, figures in result["methods"].items():
        values = [figures[name] for name in names] + [figures["faithfulness"][name] for name in FAITHFULNESS]
        lines.append(" ".join([method.ljust(12), *(f"{_text(value):>17}" for value in values)]))
    for name in ("planted", "transfer_at_equal_area", "flip_iou", "start_iou"):
        if result.get(name) is not None:
            lines.append(f"{name}: {result[name]}")
    return "\n".join(lines)


def _text(value: float | None) -> str:
    return "-" if value is None else f"{value:.3e}" if 0 < abs(value) < 1e-3 else f"{value:.4f}"


def _values(drops: Sequence[Drops], name: str) -> list[float]:
    return [value for drop in drops if (value := getattr(drop, name)) is not None]


def _mean_drop(drops: Sequence[Drops], name: str) -> float | None:
    return _mean(_PERCENT * value for value in _values(drops, name))


def _variance(drops: Sequence[Drops], name: str) -> float:
    return float(np.var(_values(drops, name)))


def _mean(values: Iterable[float]) -> float | None:
    listed = list(values)
    return float(np.mean(listed)) if listed else None
