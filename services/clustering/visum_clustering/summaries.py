"""Which clusters are summaries, and why the others are not."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

import numpy as np
from numpy.typing import NDArray

from visum_clustering.boxes import overlaps
from visum_clustering.options import ClusteringOptions, SsimRule
from visum_clustering.parts import Parts

# Redundant parts overlap by more than one half and are gone by now: the same place shows in smaller overlaps.
DUPLICATE_IOU = 0.3
DUPLICATE_SHARE = 0.5


@dataclass(frozen=True, eq=False)
class Summary:
    """One recurring part of a class, or a cluster that might have been one.

    Attributes:
        members: int32 [n], parts, one an image; exemplar first, then by falling similarity to it.
        similarities: float32 [n], log similarity of each to the exemplar; the exemplar's own is the largest other.
        ssim: Median SSIM over the pairs of members, each moved onto the exemplar, -1..1; None in fewer images
            than a summary needs.
    """

    members: NDArray[np.int32]
    similarities: NDArray[np.float32]
    ssim: float | None

    def renumber(self, numbers: NDArray[np.integer]) -> "Summary":
        """The same summary where part i is called numbers[i]."""
        return replace(self, members=numbers[self.members].astype(np.int32))


class DiscardReason(Enum):
    """Why a cluster is not a summary."""

    SINGLETON = "singleton"
    """A part that matches nothing."""
    TOO_FEW_IMAGES = "too few images"
    """Fewer images than the options ask for."""
    SSIM = "ssim"
    """Median SSIM below the threshold."""
    DUPLICATE = "duplicate"
    """The same parts as a larger summary."""


@dataclass(frozen=True, eq=False)
class DiscardedCluster:
    """A cluster that is not a summary; `detail` says why with figures, for people."""

    cluster: Summary
    reason: DiscardReason
    detail: str


@dataclass(frozen=True, eq=False)
class Verdict:
    """Summaries, most images first; everything else, singletons last; what SSIM was compared with, if anything."""

    summaries: list[Summary]
    discarded: list[DiscardedCluster]
    ssim_reference: float | None


def judge(
    clusters: Sequence[Summary],
    parts: Parts,
    image_count: int,
    options: ClusteringOptions,
    class_ssim: float | None = None,
) -> Verdict:
    """Applies the rules in turn: singletons, images, SSIM, duplicates.

    Args:
        clusters: Candidates; members number `parts`.
        parts: All parts.
        image_count: Images of the class.
        options: The rules' figures.
        class_ssim: Median SSIM over the pairs of parts of the class, for the literal rule.
    """
    ranked = sorted(clusters, key=_rank)
    singletons = [_singleton(cluster) for cluster in ranked if len(cluster.members) == 1]
    groups = [cluster for cluster in ranked if len(cluster.members) > 1]
    seen, discarded = _split_by_images(groups, image_count, options.images_needed(image_count))
    reference = _ssim_reference(seen, options.rule, class_ssim)
    similar, dissimilar = _split_by_ssim(seen, reference, options)
    summaries, duplicates = _split_duplicates(similar, parts)
    others = sorted([*discarded, *dissimilar, *duplicates], key=lambda item: _rank(item.cluster))
    return Verdict(summaries, [*others, *singletons], reference)


def _rank(cluster: Summary) -> tuple[int, float, int]:
    return -len(cluster.members), -float(cluster.similarities.mean()), int(cluster.members[0])


def _singleton(cluster: Summary) -> DiscardedCluster:
    return DiscardedCluster(cluster, DiscardReason.SINGLETON, "a single part; no other joined it")


def _split_by_images(
    clusters: list[Summary], image_count: int, needed: int
) -> tuple[list[Summary], list[DiscardedCluster]]:
    enough = [cluster for cluster in clusters if len(cluster.members) >= needed]
    rejected = [
        DiscardedCluster(
            cluster,
            DiscardReason.TOO_FEW_IMAGES,
            f"in {len(cluster.members)} of {image_count} images; at least {needed} are needed",
        )
        for cluster in clusters
        if len(cluster.members) < needed
    ]
    return enough, rejected


def _ssim_reference(clusters: list[Summary], rule: SsimRule, class_ssim: float | None) -> float | None:
    if rule is SsimRule.LITERAL:
        return class_ssim
    medians = [cluster.ssim for cluster in clusters if cluster.ssim is not None]
    if rule is SsimRule.OFF or not medians:
        return None
    return float(np.median(medians))


def _split_by_ssim(
    clusters: list[Summary], reference: float | None, options: ClusteringOptions
) -> tuple[list[Summary], list[DiscardedCluster]]:
    if reference is None:
        return clusters, []
    # A fraction of a negative reference lies above it and would refuse even the median cluster.
    least = min(options.ssim_threshold * reference, reference)
    text = f"at least {least:.3f} is needed ({options.ssim_threshold:g} of the reference {reference:.3f})"
    similar: list[Summary] = []
    rejected: list[DiscardedCluster] = []
    for cluster in clusters:
        if cluster.ssim is not None and cluster.ssim < least:
            detail = f"median SSIM {cluster.ssim:.3f}; {text}"
            rejected.append(DiscardedCluster(cluster, DiscardReason.SSIM, detail))
        else:
            similar.append(cluster)
    return similar, rejected


def _split_duplicates(ranked: list[Summary], parts: Parts) -> tuple[list[Summary], list[DiscardedCluster]]:
    kept: list[Summary] = []
    rejected: list[DiscardedCluster] = []
    for cluster in ranked:
        shared = [_same_places(cluster, larger, parts) for larger in kept]
        most = int(np.argmax(shared)) if shared else 0
        if shared and shared[most] > DUPLICATE_SHARE * len(cluster.members):
            images = len(kept[most].members)
            detail = f"{shared[most]} of its {len(cluster.members)} parts lie on parts of a summary of {images} images"
            rejected.append(DiscardedCluster(cluster, DiscardReason.DUPLICATE, detail))
        else:
            kept.append(cluster)
    return kept, rejected


def _same_places(cluster: Summary, other: Summary, parts: Parts) -> int:
    """How many of the cluster's members lie where the other's member of the same image lies."""
    _, own, others = np.intersect1d(parts.images[cluster.members], parts.images[other.members], return_indices=True)
    boxes, other_boxes = parts.boxes[cluster.members[own]], parts.boxes[other.members[others]]
    return int((overlaps(boxes, other_boxes) >= DUPLICATE_IOU).sum())
