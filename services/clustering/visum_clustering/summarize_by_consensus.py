"""The chain of the preset consensus: features, several clusterings, their agreement, members."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visum_clustering.alignment import aligned_ssim
from visum_clustering.consensus import find_groups
from visum_clustering.feature_sets import FeatureSet
from visum_clustering.labelings import Labels
from visum_clustering.options import ClusteringOptions, SsimRule
from visum_clustering.parts import Parts
from visum_clustering.placing import NO_GROUP, choose_images, place_items
from visum_clustering.redundancy import RemovedParts
from visum_clustering.ssim import median_ssim
from visum_clustering.summaries import Summary, judge
from visum_clustering.summarize import Progress, Result, ShouldStop, require_enough
from visum_runtime.errors import InvalidInput, Stopped

MOST_COMPARED = 8000
"""Every pair is compared by every clustering: at 8000 parts a table of pairs takes half a gigabyte. Of more, those of
some images are compared, and the others placed into the groups that come out."""


def summarize_by_consensus(
    parts: Parts,
    feature_sets: Sequence[FeatureSet],
    image_count: int,
    options: ClusteringOptions,
    progress: Progress = lambda step, done, total: None,
    should_stop: ShouldStop = lambda: False,
) -> Result:
    """Groups the parts of a class into summaries by their features. Does not depend on the order of parts.

    Args:
        parts: The parts of the class.
        feature_sets: Kinds of features of these parts; several are also taken together.
        image_count: Images of the class, with parts or without.
        options: Figures of every step.
        progress: Told how far the work is.
        should_stop: Asked before every clustering, and for every cluster.

    Raises:
        FailedPrecondition: Fewer images than a summary needs, or fewer than two parts.
        InvalidInput: There are no features, or not one row a part.
        Stopped: `should_stop` said so.
    """
    require_enough(len(parts), image_count, options)
    parts.check(image_count)
    _check_features(feature_sets, len(parts))
    order = parts.canonical_order()
    parts = parts.take(order)
    kinds = [features.take(order) for features in feature_sets]
    clusters = _Clusters.find(kinds, parts.images, options.agreement, progress, should_stop)
    candidates, needed = [], options.images_needed(image_count)
    for cluster in clusters.all():
        if should_stop():
            raise Stopped("clustering was stopped")
        members, similarities = clusters.members(cluster)
        candidates.append(Summary(members, similarities, aligned_ssim(parts.thumbnails[members], needed)))
    class_ssim = median_ssim(parts.thumbnails) if options.rule is SsimRule.LITERAL else None
    verdict = judge(candidates, parts, image_count, options, class_ssim)
    none_removed = RemovedParts(np.zeros(0, np.int32), np.zeros(0, np.int32))
    result = Result(verdict.summaries, verdict.discarded, none_removed, True, 0, 0.0, verdict.ssim_reference)
    return result.renumber(order)


def _check_features(feature_sets: Sequence[FeatureSet], count: int) -> None:
    if not feature_sets:
        raise InvalidInput("the preset consensus needs features", field="parts.features")
    for features in feature_sets:
        if len(features) != count:
            raise InvalidInput(f"has {len(features)} rows, expected {count}", field="parts.features")


@dataclass(frozen=True, eq=False)
class _Clusters:
    """The clusters of parts, and how far each part belongs to its own.

    Attributes:
        labels: int64 [n], the cluster of each part, from 1; 0: it is alone.
        images: int32 [n], image of each part.
        shares: [n, n], share of the clusterings that put two parts together; None where not all were compared.
        likeness: [n], likeness of each part to its cluster where not all were compared.
    """

    labels: Labels
    images: NDArray[np.int32]
    shares: NDArray[np.float64] | None
    likeness: NDArray[np.float64] | None

    @classmethod
    def find(
        cls,
        kinds: Sequence[FeatureSet],
        images: NDArray[np.int32],
        agreement: float,
        progress: Progress,
        should_stop: ShouldStop,
    ) -> "_Clusters":
        """Groups all parts, or those of some images and then places the others."""
        compared = choose_images(images, MOST_COMPARED)
        chosen = [kind.take(compared) for kind in kinds]
        labels, shares = find_groups(
            chosen, agreement, lambda done, total: progress("consensus", done, total), should_stop
        )
        if len(compared) == len(images):
            return cls(labels, images, shares, None)
        placed, likeness = place_items(kinds, compared, labels)
        return cls(placed, images, None, likeness)

    def all(self) -> Iterator[NDArray[np.intp]]:
        """Parts of each cluster, ascending."""
        for label in np.unique(self.labels[self.labels > NO_GROUP]):
            yield np.flatnonzero(self.labels == label)
        yield from np.flatnonzero(self.labels == NO_GROUP)[:, None]

    def members(self, cluster: NDArray[np.intp]) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
        """Of every image the part that belongs to the cluster most; exemplar first, then by agreement with it.

        Agreement is the share of the clusterings that put a part and the exemplar together, or where not all parts were
        compared, the part's likeness to the cluster. Ties go to the part that comes first.
        """
        ranked = cluster[np.argsort(-self._belonging(cluster), kind="stable")]
        members = ranked[np.sort(np.unique(self.images[ranked], return_index=True)[1])]
        exemplar, others = members[0], members[1:]
        agreement = self.shares[exemplar, others] if self.shares is not None else self._belonging(others)
        order = np.argsort(-agreement, kind="stable")
        others, agreement = others[order], agreement[order]
        own = agreement[:1] if len(others) else np.zeros(1)
        shown = np.concatenate([[exemplar], others])
        return shown.astype(np.int32), np.concatenate([own, agreement]).astype(np.float32)

    def _belonging(self, parts: NDArray[np.intp]) -> NDArray[np.float64]:
        """How far each part belongs to the cluster: mean share over all of it, or likeness."""
        if self.likeness is not None:
            return self.likeness[parts]
        assert self.shares is not None
        return self.shares[np.ix_(parts, parts)].mean(axis=1)
