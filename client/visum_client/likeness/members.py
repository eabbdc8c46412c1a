"""The members of a run's summaries as points, and how like each summary a part is."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from visum.v1 import common_pb2

from visum_client.calls import PureCalls
from visum_client.errors import InvalidInputError
from visum_client.likeness.calibration import Calibration, Reliability, Values, calibrate, likeness, measure_reliability
from visum_client.likeness.feature_space import FeatureSpace, PartFeatures, Points, similarities
from visum_client.likeness.part_features import PartKey, describe_members, key_of
from visum_client.likeness.stored_features import read_descriptors
from visum_client.options import CONSENSUS
from visum_client.records import Part, Summary
from visum_client.report.contents import Contents


@dataclass(frozen=True, eq=False)
class Members:
    """Parts of a run whose summary is known: members of summaries and of discarded clusters."""

    summaries: tuple[Summary, ...]
    """The summaries."""
    labels: tuple[int, ...]
    """Summary of each part by its place in `summaries`; -1: of a discarded cluster."""
    images: tuple[str, ...]
    """Digest of the image of each part."""
    features: PartFeatures
    """A row a part."""


async def find_members(
    calls: PureCalls, card: common_pb2.ModelCard | None, contents: Contents, on_image: Callable[[], None]
) -> Members:
    """The parts of a run with the features that made its clusters, from its folder alone.

    Runs of the preset consensus were grouped by what the network's maps say of regions: the network is asked again, on
    the views that the folder holds. Others were grouped by descriptors, which the folder holds.

    Args:
        calls: Where the network is asked.
        card: The network; None where `needs_network` says that it is not needed.
        contents: The run.
        on_image: Called after each image that is asked about.

    Raises:
        InvalidInputError: The run has no summaries.
        RunFolderError: A file of the folder is missing or damaged.
        VisumError: The specializer service failed.
    """
    clustering = contents.clustering
    if clustering is None or not clustering.summaries:
        raise InvalidInputError(f"{contents.folder.path} has no summaries", "run")
    labelled: dict[PartKey, tuple[int, Part]] = {}
    for label, summary in enumerate(clustering.summaries):
        labelled |= {key_of(part): (label, part) for part in summary.members}
    for part in (part for cluster in clustering.discarded for part in cluster.members):
        labelled.setdefault(key_of(part), (-1, part))
    labels, parts = zip(*labelled.values(), strict=True)
    if card is None:
        features = read_descriptors(contents, parts)
    else:
        with tempfile.TemporaryDirectory(prefix="visum-") as scratch:
            features = await describe_members(calls, card, contents, parts, Path(scratch), on_image)
    return Members(clustering.summaries, labels, tuple(part.image for part in parts), features)


def needs_network(contents: Contents) -> bool:
    """Whether the network must be asked for the features that made the clusters of a run."""
    return bool((contents.run["configuration"].get("clustering") or {}).get("preset") == CONSENSUS)


def count_images(contents: Contents) -> int:
    """Images that `find_members` asks about."""
    clustering = contents.clustering
    if clustering is None or not needs_network(contents):
        return 0
    of_summaries = {part.image for summary in clustering.summaries for part in summary.members}
    return len(of_summaries.union(part.image for cluster in clustering.discarded for part in cluster.members))


class Likeness:
    """How like each summary of a run parts are.

    Args:
        members: The parts of the run.
        space: Where they are compared; it must span what is compared.
    """

    def __init__(self, members: Members, space: FeatureSpace) -> None:
        self.summaries = members.summaries
        self.space = space
        self._members = members
        self._points = space.points(members.features)
        self._own = self.of(self._points, members.images)
        self.calibrations: Sequence[Calibration] = calibrate(self._own, members.labels)

    def of(self, points: Points, images: Sequence[str]) -> Values:
        """Likeness [parts, summaries] of parts to each summary; members in a part's own image do not count.

        Args:
            points: The parts.
            images: Digest of the image of each.
        """
        similarity = similarities(points, self._points)
        is_other_image = np.array(images)[:, None] != np.array(self._members.images)[None, :]
        labels = np.array(self._members.labels)
        columns = [
            likeness(similarity[:, labels == label], is_other_image[:, labels == label])
            for label in range(len(self.summaries))
        ]
        return np.stack(columns, axis=1)

    def scores(self, table: Values) -> Values:
        """Scores [parts, summaries]: share of a summary's own members that fit it no better than the part."""
        columns = [calibration.scores(table[:, n]) for n, calibration in enumerate(self.calibrations)]
        return np.stack(columns, axis=1)

    def reliability(self) -> list[Reliability]:
        """How the rule does on the parts of the run, each left out in turn."""
        return measure_reliability(self._own, self._members.labels)
