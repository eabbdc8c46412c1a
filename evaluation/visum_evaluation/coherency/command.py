"""`visum evaluate coherency`: the user study, from the files that people downloaded from the report."""

import argparse
from dataclasses import asdict
from typing import Any

from visum_client.commands.command import Command, tell
from visum_client.tags import Tags, read_files
from visum_client.tracking import log_coherency
from visum_client.tracking.library import require_tracker
from visum_evaluation.coherency.agreement import measure_coherency

_EXAMPLES = """\
  visum evaluate coherency --tags anna.json ben.json cleo.json
  visum evaluate coherency --tags study/*.json --json"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `visum evaluate coherency`."""
    parser.add_argument(
        "--tags",
        nargs="+",
        required=True,
        metavar="FILE",
        help="files downloaded from reports, one a person and class; of one class or several",
    )
    text = "add it as the metric coherency to the runs in MLflow of these summaries (MLFLOW_TRACKING_URI)"
    parser.add_argument("--mlflow", action="store_true", help=text)


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Reads the files; returns the agreement on each class."""
    by_run: dict[str, list[Tags]] = {}
    for tags in read_files(arguments.tags):
        by_run.setdefault(tags.run, []).append(tags)
    require_tracker("mlflow" if arguments.mlflow else None)
    found = {digest: measure_coherency(files) for digest, files in by_run.items()}
    if arguments.mlflow:
        for digest, coherency in found.items():
            if coherency.mu_u is not None:
                tell(f"coherency of {log_coherency(digest, coherency.mu_u)} runs in MLflow")
    return {"classes": [asdict(coherency) for coherency in found.values()]}


def show(result: dict[str, Any]) -> str:
    """A table a class, as the paper's table 1 has it a row."""
    return "\n\n".join(_shown(coherency) for coherency in result["classes"])


def _shown(coherency: dict[str, Any]) -> str:
    people = "1 person" if coherency["raters"] == 1 else f"{coherency['raters']} people"
    heading = f"{coherency['target']} ({coherency['model']}), {people}"
    agreement = (
        f"mu_U {_number(coherency['mu_u'])}: mean distance between people who tag the same summary "
        f"(different summaries: {_number(coherency['across'])})"
    )
    lines = [f"{'summary':<9}{'people':>6}{'distance':>10}   most proposed tag"]
    lines += [
        f"{row['summary']:<9}{row['raters']:>6}{_number(row['distance']):>10}   "
        f"{row['most_proposed']} ({row['proposed_by']} of {row['raters']})"
        for row in coherency["summaries"]
    ]
    return "\n".join([heading, agreement, *lines])


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


COHERENCY = Command(
    "coherency", "measure how far people agree on the tags of summaries", _EXAMPLES, configure, run, show
)
