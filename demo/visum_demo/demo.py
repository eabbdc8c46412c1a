"""Runs the demo class and holds its summaries against the planted truth: ``python -m visum_demo.demo``."""

import argparse
import sys
from pathlib import Path

from visum_client import Client, ClusteringOptions, MaskOptions, VisumError
from visum_client.report.wording import percent

from .comparison import FOUND_PURITY, Comparison, Finding, compare
from .shipped import IMAGES, load_causal_figures, load_truth, model_path

_MASK = MaskOptions(grid=16, target_drop=0.9, min_region_area=0.0012)
"""Fine masks, and a drop that is within reach: where nothing is left to see, this network gives every class of the
family an equal share. Chosen on the dev world."""
_NO_PART = "no planted part"
_EXPLANATION = (
    "drop: share of the score that is gone when that part alone is blurred; small where other parts say the same",
    f"found: shown by a summary with a purity of {FOUND_PURITY:.0%} or more; in parentheses its share of the score",
)


def main() -> int:
    """Makes the run, or goes on with it, and prints the comparison with the planted truth."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("runs/demo"), help="the run folder (default: runs/demo)")
    out = parser.parse_args().out
    truth = load_truth()
    print(f"visum demo: which parts of the class '{truth.class_name}' does the network {truth.model} use?", flush=True)
    try:
        with Client.local() as client:
            run = client.summarize(
                model=model_path(truth.world),
                target=truth.class_name,
                images=IMAGES,
                out=out,
                mask=_MASK,
                clustering=ClusteringOptions(preset="consensus"),
            )
        figures = load_causal_figures(truth.world)[truth.class_name]
        print(_table(compare(run, truth, figures)))
    except VisumError as error:
        print(f"visum demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted; make demo goes on where it was", file=sys.stderr)
        return 130
    print(f"\nreport: {run.report.resolve()}")
    return 0


def _table(comparison: Comparison) -> str:
    lines = ["", f"{'summary':<9}{'images':>6}{'drop':>8}   planted part (purity)"]
    lines += [_line(finding) for finding in comparison.findings]
    found = ", ".join(f"{figure.part} ({figure.shapley:.2f})" for figure in comparison.found) or "none"
    missed = ", ".join(f"{figure.part} ({figure.shapley:.2f})" for figure in comparison.missed) or "none"
    return "\n".join([*lines, "", *_EXPLANATION, "", f"causal parts found:  {found}", f"causal parts missed: {missed}"])


def _line(finding: Finding) -> str:
    summary = finding.summary
    planted = f"{finding.planted or _NO_PART} ({finding.purity:.0%})"
    return f"{summary.id:<9}{summary.images:>6}{percent(summary.drop):>8}   {planted}"


if __name__ == "__main__":
    sys.exit(main())
