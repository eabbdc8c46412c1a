"""How much of a class's summaries comes again: from other images, and from masks that were optimized otherwise."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from visum_client import MaskOptions, Run
from visum_client.records import Summary
from visum_evaluation.parts.experiment import PartsOptions, Variant, Workspace
from visum_evaluation.parts.scenes import Scenes, part_mask

SAME_PLACE_IOU = 0.3
"""Two parts of an image lie in one place if their pixels overlap as much."""
_OTHER_ITERATIONS = 151

Part = tuple[str, int]
"""A part by its image and its region."""


@dataclass(frozen=True)
class Stability:
    """Shares of summaries that find a counterpart, mean over classes; None where no class has a summary."""

    halves: float | None
    """Of the summaries of either half of the images, in the other: both lie mostly in one summary of all images."""
    masks: float | None
    """Of the summaries of all images, under masks of one iteration more: both lie in one place in most images."""


def measure_stability(workspace: Workspace, options: PartsOptions) -> Stability:
    """Runs every class, both halves of it, and the class with other masks."""
    halves, masks = [], []
    for scenes in options.scenes():
        whole = workspace.run(scenes, Variant("run", options.steps))
        split = [Variant(f"half-{start}", options.steps, images=slice(start, None, 2)) for start in (0, 1)]
        first, second = (workspace.run(scenes, variant) for variant in split)
        halves += _counterparts_of_halves(first, second, whole)
        masks += _counterparts_of_masks(whole, _with_other_masks(workspace, options, scenes))
        workspace.tell(f"stability, round {scenes.round}, {scenes.class_name}")
    return Stability(_share(halves), _share(masks))


def share_with_counterpart(
    ours: Sequence[Summary], theirs: Sequence[Summary], same: Callable[[Summary, Summary], bool]
) -> list[bool]:
    """For each of our summaries, whether some of theirs is the same."""
    return [any(same(summary, other) for other in theirs) for summary in ours]


def _with_other_masks(workspace: Workspace, options: PartsOptions, scenes: Scenes) -> Run | None:
    mask = replace(options.steps.get("mask", MaskOptions()), iterations=_OTHER_ITERATIONS)
    return workspace.run(scenes, Variant("other-masks", {**options.steps, "mask": mask}))


def _counterparts_of_halves(first: Run | None, second: Run | None, whole: Run | None) -> list[bool]:
    """Both halves and the whole have the same masks, so that a part is known by its image and region."""
    if first is None or second is None or whole is None:
        return []
    home = {(member.image, member.region): summary.index for summary in whole.summaries for member in summary.members}

    def same(one: Summary, other: Summary) -> bool:
        found = _home(one, home)
        return found is not None and found == _home(other, home)

    return [
        *share_with_counterpart(first.summaries, second.summaries, same),
        *share_with_counterpart(second.summaries, first.summaries, same),
    ]


def _counterparts_of_masks(run: Run | None, other: Run | None) -> list[bool]:
    if run is None or other is None:
        return []

    def same(one: Summary, two: Summary) -> bool:
        places = {member.image: part_mask(other, member) for member in two.members}
        shared = [member for member in one.members if member.image in places]
        together = [_iou(part_mask(run, member), places[member.image]) >= SAME_PLACE_IOU for member in shared]
        return 2 * sum(together) > min(len(one.members), len(two.members))

    return share_with_counterpart(run.summaries, other.summaries, same)


def _home(summary: Summary, home: dict[Part, int]) -> int | None:
    """The summary of all images that holds more than half of the members."""
    found = Counter(home.get((member.image, member.region)) for member in summary.members)
    index, count = found.most_common(1)[0]
    return index if 2 * count > len(summary.members) else None


def _iou(one: NDArray[np.bool_], two: NDArray[np.bool_]) -> float:
    return float((one & two).sum() / max(1, (one | two).sum()))


def _share(found: Sequence[bool]) -> float | None:
    return float(np.mean(found)) if found else None
