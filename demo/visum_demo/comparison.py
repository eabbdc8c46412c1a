"""Holds the summaries of a run over rendered pictures against the planted truth."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from visum_client import Run
from visum_client.records import Part, Summary
from visum_wire import regions_from_png

from .render import Rendering, render
from .shipped import CausalFigure, Truth
from .truth import planted_part
from .worlds import load_world

FOUND_PURITY = 0.8
"""A summary shows a planted part if at least this share of its members do."""


@dataclass(frozen=True)
class Finding:
    """What a summary turned out to show."""

    summary: Summary
    """The summary."""
    planted: str | None
    """The planted part that most of its members show; None where most show none."""
    purity: float
    """Share of the members that show it."""
    shown: Sequence[str | None]
    """What each member shows."""


@dataclass(frozen=True)
class Comparison:
    """Summaries beside the planted truth."""

    findings: Sequence[Finding]
    """One a summary, in the run's order."""
    found: Sequence[CausalFigure]
    """Causal parts that some summary shows with a purity of at least .8."""
    missed: Sequence[CausalFigure]
    """Causal parts that none shows."""


def compare(run: Run, truth: Truth, figures: Sequence[CausalFigure]) -> Comparison:
    """Finds what each summary of a run over the shipped pictures shows.

    Args:
        run: A complete run over pictures that `truth` lists.
        truth: From which seed each picture was rendered, in its world's default difficulty.
        figures: The causal figures of the pictures' class.
    """
    renderings = _renderings(run, truth)
    findings = [_finding(run, summary, renderings) for summary in run.summaries]
    shown = {finding.planted for finding in findings if finding.purity >= FOUND_PURITY}
    causal = [figure for figure in figures if figure.verdict == "causal"]
    return Comparison(
        findings,
        [figure for figure in causal if figure.part in shown],
        [figure for figure in causal if figure.part not in shown],
    )


def _renderings(run: Run, truth: Truth) -> dict[str, Rendering]:
    """The rendering behind each member's picture, by the digest of its file."""
    world = load_world(truth.world)
    paths = {member.image: Path(member.path).name for summary in run.summaries for member in summary.members}
    return {image: render(world.scene(truth.class_name, truth.seeds[name])) for image, name in paths.items()}


def _finding(run: Run, summary: Summary, renderings: Mapping[str, Rendering]) -> Finding:
    shown = [_shown_part(run, member, renderings[member.image]) for member in summary.members]
    (planted, count), *_ = Counter(shown).most_common(1)
    return Finding(summary, planted, count / len(shown), shown)


def _shown_part(run: Run, member: Part, rendering: Rendering) -> str | None:
    regions = regions_from_png(run.folder.mask(member.image, "regions").read_bytes(), "regions")
    return planted_part(rendering, np.equal(regions, member.region), member.box)
