"""What the paper says beside what was measured."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

from visum_evaluation.everything.class_runs import ClassRuns, Subject
from visum_evaluation.everything.paper import Paper

_SIGNIFICANT = 0.05
_NOT_ASKED = "not measured: {} were not given"

Row = dict[str, str]
"""Keys: where (in the paper), paper, measured, why (they differ)."""


def side_by_side(paper: Paper, results: Mapping[str, Any]) -> list[Row]:
    """A row for each claim of the paper, from the results of the experiments by their names."""
    return [
        _masks(paper, results["masks"]),
        _coherency(results.get("coherency-images"), "whole images"),
        _coherency(results.get("coherency-parts"), "the parts' crops"),
        _people(paper, results.get("people")),
        _networks(paper, results.get("networks")),
        _specialization(paper, results.get("specialization")),
    ]


def write_page(path: Path, subject: Subject, runs: ClassRuns, rows: Sequence[Row]) -> None:
    """Writes the rows as Markdown, under what was run."""
    limit = "all" if subject.limit is None else f"the first {subject.limit}"
    lines = [
        "# What the paper says, and what was measured",
        "",
        f"Networks: {', '.join(network.name for network in subject.networks)}. Classes: {', '.join(subject.classes)}; "
        f"{limit} images of each.",
        *(f"Left out: {target} for {network}, too few images of which take part." for network, target in runs.without),
        "",
        "| where | the paper | measured | why they differ |",
        "|---|---|---|---|",
        *(f"| {row['where']} | {row['paper']} | {row['measured']} | {row['why']} |" for row in rows),
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _masks(paper: Paper, result: Mapping[str, Any]) -> Row:
    methods = result["methods"]
    drops = {
        "crisp": methods["crisp"]["drop_binary"],
        "iebb": methods["iebb"]["drop_raw"],
        "iebb_thresh": methods["iebb_thresh"]["drop_binary"],
    }
    return {
        "where": "table 2: drop of the score",
        "paper": _drops(paper.drops),
        "measured": f"{_drops(drops)} ({result['images']} images)",
        "why": "other images and networks; masks end when their binary form reaches the drop that is asked",
    }


def _drops(drops: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {drop:.2f} %" for name, drop in drops.items())


def _coherency(result: Mapping[str, Any] | None, on: str) -> Row:
    measured = _NOT_ASKED.format("a tagger and a second network")
    if result and result["mean"]:
        known = [found for found in result["classes"] if "mu_s" in found]
        lower = sum(found["mu_s"] < found["mu_r"] for found in known)
        significant = sum(found["mu_s"] < found["mu_r"] and found["p_value"] < _SIGNIFICANT for found in known)
        mean = result["mean"]
        measured = (
            f"mu_S {mean['mu_s']:.3f}, mu_R {mean['mu_r']:.3f}, p {mean['p_value']:.3f}; lower in {lower} of "
            f"{len(known)} classes, significantly in {significant}"
        )
    elif result:
        measured = "nothing to compare: too few summaries or tags"
    return {
        "where": f"figure 4: distance of tags, of {on}",
        "paper": "mu_S below mu_R on average" if on == "whole images" else "finer results are expected of the parts",
        "measured": measured,
        "why": "another tagger: the eight best classes of a second network",
    }


def _people(paper: Paper, result: Mapping[str, Any] | None) -> Row:
    found = [one["mu_u"] for one in result["classes"] if one["mu_u"] is not None] if result else []
    told = f"mu_U {fmean(found):.2f} on average over {len(found)} classes" if found else "no two people to compare"
    return {
        "where": "table 1: agreement of people",
        "paper": f"mu_U {fmean(paper.mu_u.values()):.2f} on average over {len(paper.mu_u)} classes",
        "measured": told if result else _NOT_ASKED.format("tags of people"),
        "why": "other people, classes and networks",
    }


def _networks(paper: Paper, result: Mapping[str, Any] | None) -> Row:
    told = "; ".join(f"{name} {count:g} ({accuracy:.1%})" for name, (count, accuracy) in paper.summaries.items())
    measured = "not measured: no class has a run of every network"
    if result:
        rows = [
            f"{row['network']} {row['summaries']:.2f} ({row['accuracy']:.1%})" for row in reversed(result["networks"])
        ]
        plain = result["correlation"]["plain"]
        rank = f"rho {plain['rho']:.2f}, p {plain['p_value']:.3f}" if plain else "too few networks for a correlation"
        measured = f"{'; '.join(rows)}: {rank}"
    return {
        "where": "table 3: summaries a class (accuracy)",
        "paper": f"{told}: the more accurate, the more",
        "measured": measured,
        "why": "four networks are too few to tell from chance (p is at least 1/12); masks' area and parts differ, too",
    }


def _specialization(paper: Paper, result: Mapping[str, Any] | None) -> Row:
    measured = _NOT_ASKED.format("images to test on")
    if result:
        whole = result["overall"]
        measured = f"{whole['after'] - whole['before']:+.2%} of {whole['images']} images, p {whole['p_value']:.3f}"
    return {
        "where": "section 4.4: gain of accuracy",
        "paper": f"{paper.gain:+.2%} over all 1000 classes of ImageNet",
        "measured": measured,
        "why": "other images; tuned and tested on images apart, and held against controls",
    }
