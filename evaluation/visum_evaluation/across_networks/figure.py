"""Number of summaries against accuracy, a dot a network."""

from collections.abc import Sequence
from pathlib import Path

from visum_evaluation.across_networks.network_figures import NetworkFigures
from visum_evaluation.plot import Plot, span

_NAMED_UP_TO = 8
"""More networks than this have their names in the dots' titles alone."""


def save_figure(path: Path, networks: Sequence[NetworkFigures]) -> None:
    """Writes the plot as SVG."""
    accuracies, summaries = ([getattr(found, name) for found in networks] for name in ("accuracy", "summaries"))
    plot = Plot(span(accuracies), span([0.0, *summaries]), ("accuracy", "summaries a class"))
    middle = (min(accuracies) + max(accuracies)) / 2
    for found in networks:
        title = f"{found.network}: accuracy {found.accuracy:.3f}, {found.summaries:.2f} summaries"
        plot.point(found.accuracy, found.summaries, title=title)
        if len(networks) <= _NAMED_UP_TO:
            anchor = "start" if found.accuracy <= middle else "end"
            plot.text(found.accuracy, found.summaries, found.network, anchor)
    plot.save(path)
