"""The chain of the preset consensus: features, several clusterings, their agreement, members."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from visum_clustering.alignment import align
from visum_clustering.consensus import find_groups
from visum_clustering.feature_sets import FeatureSet
from visum_clustering.options import ClusteringOptions, SsimRule
from visum_clustering.parts import Parts
from visum_clustering.redundancy import RemovedParts
from visum_clustering.ssim import median_ssim
from visum_clustering.summaries import Summary, judge
from visum_clustering.summarize import Progress, Result, ShouldStop, require_enough
from visum_runtime.errors import InvalidInput, OutOfRange, Stopped

MOST_PARTS = 8000
"""Every pair is compared by every clustering: at 8000 parts a table of pairs takes half a gigabyte."""


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
        OutOfRange: More parts than all pairs can be compared of.
        InvalidInput: There are no features, or not one row a part.
        Stopped: `should_stop` said so.
    """
    require_enough(len(parts), image_count, options)
    require_few(len(parts))
    parts.check(image_count)
    _check_features(feature_sets, len(parts))
    order = parts.canonical_order()
    parts = parts.take(order)
    kinds = [features.take(order) for features in feature_sets]
    labels, shares = find_groups(
        kinds, options.agreement, lambda done, total: progress("consensus", done, total), should_stop
    )
    candidates = []
    for label in np.unique(labels):
        if should_stop():
            raise Stopped("clustering was stopped")
        members, similarities = _members(np.flatnonzero(labels == label), shares, parts.images)
        ssim = median_ssim(align(parts.thumbnails[members])) if len(members) > 1 else None
        candidates.append(Summary(members, similarities, ssim))
    class_ssim = median_ssim(parts.thumbnails) if options.rule is SsimRule.LITERAL else None
    verdict = judge(candidates, parts, image_count, options, class_ssim)
    none_removed = RemovedParts(np.zeros(0, np.int32), np.zeros(0, np.int32))
    result = Result(verdict.summaries, verdict.discarded, none_removed, True, 0, 0.0, verdict.ssim_reference)
    return result.renumber(order)


def require_few(count: int) -> None:
    """Raises OutOfRange where a class has more parts than all pairs can be compared of."""
    if count > MOST_PARTS:
        raise OutOfRange(f"{count} parts are more than the {MOST_PARTS} that the preset consensus compares")


def _check_features(feature_sets: Sequence[FeatureSet], count: int) -> None:
    if not feature_sets:
        raise InvalidInput("the preset consensus needs features", field="parts.features")
    for features in feature_sets:
        if len(features) != count:
            raise InvalidInput(f"has {len(features)} rows, expected {count}", field="parts.features")


def _members(
    cluster: NDArray[np.intp], shares: NDArray[np.float64], images: NDArray[np.int32]
) -> tuple[NDArray[np.int32], NDArray[np.float32]]:
    """Of every image the part on which the cluster agrees most; exemplar first, then by agreement with it.

    Ties go to the part that comes first.
    """
    agreement = shares[np.ix_(cluster, cluster)].mean(axis=1)
    ranked = cluster[np.argsort(-agreement, kind="stable")]
    members = ranked[np.sort(np.unique(images[ranked], return_index=True)[1])]
    exemplar, others = members[0], members[1:]
    similarities = shares[exemplar, others]
    by_similarity = np.argsort(-similarities, kind="stable")
    others, similarities = others[by_similarity], similarities[by_similarity]
    own = similarities[:1] if len(others) else np.zeros(1)
    return np.concatenate([[exemplar], others]).astype(np.int32), np.concatenate([own, similarities]).astype(np.float32)
