"""The product without one of its steps, or with another in its place."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from visum_client import ClusteringOptions, MaskOptions, MatchOptions, NecessityOptions
from visum_evaluation.parts.experiment import PartsOptions, Shown, Variant, Workspace, run_variant
from visum_evaluation.parts.superpixels import summaries_without_masks

NO_MASKS = "no_masks"

Change = Callable[[Mapping[str, Any]], Mapping[str, Any]]


def _with(**steps: Mapping[str, Any]) -> Change:
    """Replaces some fields of the options of some steps."""
    kinds = {"mask": MaskOptions, "match": MatchOptions, "clustering": ClusteringOptions, "necessity": NecessityOptions}

    def change(before: Mapping[str, Any]) -> Mapping[str, Any]:
        changed = {step: replace(before.get(step, kinds[step]()), **values) for step, values in steps.items()}
        return {**before, **changed}

    return change


CHANGES: dict[str, Change] = {
    "paper": _with(clustering={"preset": "paper"}),
    "no_ssim": _with(clustering={"preset": "paper", "ssim_rule": "off"}),
    "no_flow": _with(clustering={"preset": "paper"}, match={"method": "nam"}),
    "literal": _with(mask={"mode": "literal"}),
    "evidence": _with(mask={"preset": "evidence"}),
    "no_reach": _with(mask={"reach": 1.0}),
    "no_necessity": _with(necessity={"margin": 0.0, "share": 0.0}),
}
"""By class runs of other options: the paper's chain, without its SSIM rule, and with matching by appearance alone
(no_flow); the paper's masks; masks made to last; masks that must reach as much as a blur of everything; no effect asked
for."""
ABLATIONS: tuple[str, ...] = (*CHANGES, NO_MASKS)


def run_ablation(workspace: Workspace, options: PartsOptions, name: str) -> Shown:
    """What summaries show without a step. Raises KeyError for an unknown name."""
    if name == NO_MASKS:
        return summaries_without_masks(workspace, options)
    return run_variant(workspace, options, Variant(name, CHANGES[name](options.steps)))
