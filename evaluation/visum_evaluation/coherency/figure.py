"""Distances of tags within summaries and within random sets, class by class (paper, figure 4)."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from visum_evaluation.plot import COLOURS, Plot, span

_SUMMARIES, _RANDOM = COLOURS[0], COLOURS[1]


def save_figure(path: Path, classes: Sequence[Mapping[str, Any]]) -> None:
    """Writes a plot: for each class mu_S, and mu_R with the interval of random sets; as the command returns them."""
    known = [found for found in classes if "mu_s" in found]
    names = ("mu_s", "mu_r", "mu_r_low", "mu_r_high")
    values = [found[name] for found in known for name in names]
    up = "mean Jaccard distance: blue within summaries, orange within random sets"
    plot = Plot((-0.5, len(known) - 0.5), span(values) if values else (0.0, 1.0), ("", up))
    for place, found in enumerate(known):
        plot.whisker(place, found["mu_r_low"], found["mu_r_high"])
        plot.point(place, found["mu_r"], _RANDOM, f"mu_R {found['mu_r']:.3f}")
        plot.point(place, found["mu_s"], _SUMMARIES, f"mu_S {found['mu_s']:.3f}, p {found['p_value']:.3f}")
        plot.under_axis(place, f"{found['target']} ({len(found['summaries'])})")
    plot.save(path)
