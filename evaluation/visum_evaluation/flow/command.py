"""`visum evaluate flow`: the evaluation of Proposal Flow on a PF-WILLOW folder."""

import argparse
from pathlib import Path
from typing import Any

import cv2
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from visum_client.commands.command import Command, tell
from visum_evaluation.flow.annotated_image import load_subsets
from visum_evaluation.flow.experiment import FlowOptions, evaluate_flow
from visum_proposals.selective_search import ProposalOptions
from visum_proposals.whitening import Whitening

_EXAMPLES = """\
  visum evaluate flow --dataset PF-WILLOW
  visum evaluate flow --dataset PF-WILLOW --flip --mirror --json"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `visum evaluate flow`."""
    default = ProposalOptions().max_boxes
    parser.add_argument(
        "--dataset", type=Path, required=True, metavar="DIR", help="a folder a subset, with NAME.png and NAME.mat"
    )
    parser.add_argument("--max-boxes", type=int, default=default, help=f"boxes of a photograph (default: {default})")
    parser.add_argument("--min-side", type=float, help="smallest side of a box, pixels of a view of 224")
    parser.add_argument("--mirror", action="store_true", help="match against the mirrored photograph too")
    parser.add_argument("--flip", action="store_true", help="mirror the second photograph of each pair beforehand")


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Evaluates all methods on one core; returns the figures."""
    proposals = ProposalOptions(max_boxes=arguments.max_boxes, min_side=arguments.min_side)
    options = FlowOptions(proposals, arguments.mirror, arguments.flip)
    subsets = load_subsets(arguments.dataset)
    cv2.setNumThreads(1)
    with threadpool_limits(1):
        return evaluate_flow(subsets, options, Whitening.load(), tell)


def show(result: dict[str, Any]) -> str:
    """A table: a line a method, then the limits."""
    lines = [f"{'':12}{'PCR':>8}{'mIoU@k':>8}" + "".join(f"{f'PCK@{t}':>10}" for t in result["mean"]["LOM"]["pck"])]
    for method, figures in reversed(result["mean"].items()):
        shares = "".join(f"{share:10.3f}" for share in figures["pck"].values())
        lines.append(f"{method:12}{figures['pcr_auc']:8.3f}{figures['miou_auc']:8.3f}{shares}")
    limits = {"upper bound": result["upper_bound"], **result["controls"]}
    lines += [f"{name:12}{limit['pcr_auc']:8.3f}" for name, limit in limits.items()]
    return "\n".join(lines)


COMMAND = Command("flow", "measure the matching of boxes on PF-WILLOW", _EXAMPLES, configure, run, show)
