"""Two classes of one network: which summaries they share.

The images differ, so places say nothing. What is compared are the features that made the clusters, of both classes in
one space: what the explained network's maps say of regions (preset consensus), or the descriptors that were matched. A
part of one class fits a summary of the other where it is as like it as its own members are, so that loose and tight
summaries are held to their own standards; and two summaries are one part only where they share more with each other
than with any other summary of their own class.
"""

import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from visum_client.calls import PureCalls
from visum_client.compare.grouping import Key, group_summaries
from visum_client.errors import InvalidInputError
from visum_client.likeness.calibration import MIN_SCORE, Values
from visum_client.likeness.feature_space import FeatureSpace, PartFeatures
from visum_client.likeness.members import Likeness, Members, count_images, find_members, needs_network
from visum_client.networks import FileName, find_network
from visum_client.progress import Progress
from visum_client.report.contents import Contents, read_contents
from visum_client.scheduler import Services
from visum_client.store import Store

STAGE = "members"
MIN_SHARING = 0.5
"""Sharing from which two summaries are taken for one part."""


@dataclass(frozen=True)
class Sharing:
    """Two summaries of different classes."""

    value: float
    """Mean of both shares below, 0..1."""
    rival: float
    """The largest value between one of the two and another summary of its own class: what mere likeness of the parts
    of a class gives."""
    forth: float
    """Share of the members of the first that fit the second as its own members do."""
    back: float
    """Share of the members of the second that fit the first as its own members do."""


@dataclass(frozen=True)
class ClassComparison:
    """What two classes of one network share."""

    runs: tuple[Contents, Contents]
    """The runs."""
    min_sharing: float
    """Sharing from which two summaries were taken for one part."""
    pairs: tuple[tuple[str | None, str | None], ...]
    """Every summary is in one of them: shared ones first."""
    sharings: Mapping[tuple[str, str], Sharing]
    """Of every summary of the first class with every one of the second."""


@dataclass(frozen=True, kw_only=True)
class ClassOrder:
    """What is to be compared."""

    runs: tuple[Path, Path]
    """One run folder a class, of the same network."""
    model: FileName | None = None
    """Name or file of the network; None: the name that the first run tells."""
    weights: FileName | None = None
    """Its weights file, where `model` is a name."""
    min_sharing: float = MIN_SHARING
    """Sharing from which two summaries are one part."""


async def compare_classes(services: Services, order: ClassOrder, progress: Progress) -> ClassComparison:
    """Finds which summaries two classes of one network share.

    Raises:
        InvalidInputError: The runs are of different networks or of the same class, or have no summaries; or
            `min_sharing` is out of range.
        VisumError: The network is not found, or the specializer service failed.
    """
    runs = (read_contents(order.runs[0]), read_contents(order.runs[1]))
    check_classes(runs)
    if not 0 < order.min_sharing <= 1:
        raise InvalidInputError(f"is {order.min_sharing}, must be above 0 and at most 1", "min_sharing")
    card = await find_network(services, runs[0], order.model, order.weights) if needs_network(runs[0]) else None
    with (
        tempfile.TemporaryDirectory(prefix="visum-") as scratch,
        progress.stage(STAGE, sum(count_images(contents) for contents in runs)),
    ):
        calls = PureCalls(services, Store(Path(scratch)))
        first, second = [
            await find_members(calls, card, contents, lambda: progress.advance(STAGE)) for contents in runs
        ]
    return share(runs, first, second, order.min_sharing)


def check_classes(runs: Sequence[Contents]) -> None:
    """Raises InvalidInputError where runs are not of two classes of one network."""
    if len(runs) != 2 or runs[0].target == runs[1].target:
        raise InvalidInputError("must be two, of different classes", "runs")
    digests = {contents.run["configuration"]["model"]["sha256"] for contents in runs}
    if len(digests) > 1:
        raise InvalidInputError(
            "are of different classes and of different networks: give runs of one class, or of one network", "runs"
        )
    if needs_network(runs[0]) != needs_network(runs[1]):
        raise InvalidInputError("are of different presets of the clustering: what made their clusters differs", "runs")


def share(runs: tuple[Contents, Contents], first: Members, second: Members, min_sharing: float) -> ClassComparison:
    """The comparison of the members of two classes, features in hand."""
    space = FeatureSpace(_together(first.features, second.features))
    ours, theirs = Likeness(first, space), Likeness(second, space)
    forth, back = _accepted(first, theirs), _accepted(second, ours)
    rivals = _rivals(_accepted(first, ours))[:, None], _rivals(_accepted(second, theirs))[None, :]
    rival = np.maximum(*rivals)
    sharings = {
        (one.id, other.id): _sharing(float(forth[i, j]), float(back[j, i]), float(rival[i, j]))
        for i, one in enumerate(first.summaries)
        for j, other in enumerate(second.summaries)
    }
    keys: list[Key] = [(0, summary.id) for summary in first.summaries] + [
        (1, summary.id) for summary in second.summaries
    ]
    similarity = {
        ((0, one), (1, other)): sharing.value
        for (one, other), sharing in sharings.items()
        if sharing.value > sharing.rival
    }
    groups = [dict(group) for group in group_summaries(keys, similarity, min_sharing)]
    pairs = sorted(((group.get(0), group.get(1)) for group in groups), key=lambda pair: None in pair)
    return ClassComparison(runs, min_sharing, tuple(pairs), sharings)


def _sharing(forth: float, back: float, rival: float) -> Sharing:
    return Sharing((forth + back) / 2, rival, forth, back)


def _rivals(accepted: Values) -> Values:
    """The largest sharing of each summary with another of its class; 0 where there is no other."""
    both = (accepted + accepted.T) / 2
    np.fill_diagonal(both, 0.0)
    return np.asarray(both.max(axis=1))


def _accepted(members: Members, likeness: Likeness) -> Values:
    """Share [summaries, other summaries] of the members of each summary that fit each of the other class's."""
    table = likeness.of(likeness.space.points(members.features), members.images)
    fits = likeness.scores(table) >= MIN_SCORE
    labels = np.array(members.labels)
    return np.stack([fits[labels == label].mean(axis=0) for label in range(len(members.summaries))])


def _together(one: PartFeatures, other: PartFeatures) -> PartFeatures:
    plain, mirrored = (
        tuple(np.concatenate(rows) for rows in zip(getattr(one, name), getattr(other, name), strict=True))
        for name in ("plain", "mirrored")
    )
    return PartFeatures(plain, mirrored)
