"""The chain of the paper's section 3.2: similarities, redundant parts, affinity propagation, members, SSIM."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from visum_clustering.affinity_propagation import Clustering, central_part, preference_of, propagate_affinity
from visum_clustering.alignment import aligned_ssim
from visum_clustering.members import choose_members
from visum_clustering.merging import merge_clusters
from visum_clustering.options import ClusteringOptions, SsimRule
from visum_clustering.parts import Edges, Parts
from visum_clustering.redundancy import RemovedParts, find_redundant
from visum_clustering.similarity import Similarity, log_similarities
from visum_clustering.ssim import median_ssim
from visum_clustering.summaries import DiscardedCluster, Summary, Verdict, judge
from visum_runtime.errors import FailedPrecondition, Stopped

LEAST_PARTS = 2

Progress = Callable[[str, int, int], None]
"""Told the step in a user's words, the work done in it, and the work of the step."""
ShouldStop = Callable[[], bool]
"""True as soon as nobody waits for the result any more."""


@dataclass(frozen=True, eq=False)
class Result:
    """The summaries of a class and everything that was left out.

    Attributes:
        summaries: The one with most images first.
        discarded: Every other cluster and why, singletons last.
        removed: Parts left out before clustering.
        converged: True where affinity propagation converged.
        iterations: Iterations that it took.
        damping: Damping that it ended with.
        ssim_reference: What the SSIM rule compared with; None where it was off or had nothing to compare.
    """

    summaries: list[Summary]
    discarded: list[DiscardedCluster]
    removed: RemovedParts
    converged: bool
    iterations: int
    damping: float
    ssim_reference: float | None

    def renumber(self, numbers: NDArray[np.integer]) -> "Result":
        """The same result where part i is called numbers[i]."""
        by_number = np.argsort(numbers[self.removed.redundant])
        redundant, kept = (
            numbers[ends][by_number].astype(np.int32) for ends in (self.removed.redundant, self.removed.kept)
        )
        return replace(
            self,
            summaries=[summary.renumber(numbers) for summary in self.summaries],
            discarded=[replace(item, cluster=item.cluster.renumber(numbers)) for item in self.discarded],
            removed=RemovedParts(redundant, kept),
        )


def summarize(
    parts: Parts,
    edges: Edges,
    image_count: int,
    options: ClusteringOptions,
    progress: Progress = lambda step, done, total: None,
    should_stop: ShouldStop = lambda: False,
) -> Result:
    """Groups the parts of a class into summaries. Depends neither on the order of parts nor on that of edges.

    Args:
        parts: The parts of the class.
        edges: Match scores between parts of different images; a pair without one is never put together.
        image_count: Images of the class, with parts or without.
        options: Figures of every step.
        progress: Told how far the work is.
        should_stop: Asked every iteration, and for every cluster.

    Raises:
        FailedPrecondition: Fewer images than a summary needs, or fewer than two parts.
        InvalidInput: Edges and parts disagree.
        Stopped: `should_stop` said so.
    """
    require_enough(len(parts), image_count, options)
    parts.check(image_count)
    edges.check(parts.images)
    order = parts.canonical_order()
    parts, edges = parts.take(order), edges.renumber(np.argsort(order))

    progress("redundant parts", 0, 1)
    similarity = log_similarities(edges, len(parts))
    removed = find_redundant(parts, similarity, image_count, options, should_stop)
    kept = np.setdiff1d(np.arange(len(parts)), removed.redundant)
    parts, similarity = parts.take(kept), similarity.restrict(kept)
    progress("redundant parts", 1, 1)

    clustering = _cluster(similarity, options, progress, should_stop)
    clusters = merge_clusters(_groups(clustering.exemplars), similarity, parts.images, options.merge, should_stop)
    needed = options.images_needed(image_count)
    candidates = _candidates(clusters, clustering, similarity, parts, options.trim, needed, progress, should_stop)
    class_ssim = median_ssim(parts.thumbnails) if options.rule is SsimRule.LITERAL and len(parts) > 1 else None
    verdict = judge(candidates, parts, image_count, options, class_ssim)
    return _result(verdict, removed, clustering, kept, order)


def require_enough(part_count: int, image_count: int, options: ClusteringOptions) -> None:
    """Raises FailedPrecondition where a class is too small to be summarized."""
    if image_count < options.fewest_images:
        raise FailedPrecondition(f"{image_count} images are too few; a summary needs at least {options.fewest_images}")
    if part_count < LEAST_PARTS:
        raise FailedPrecondition(f"{part_count} parts are too few to cluster; at least {LEAST_PARTS} are needed")


def _cluster(
    similarity: Similarity, options: ClusteringOptions, progress: Progress, should_stop: ShouldStop
) -> Clustering:
    return propagate_affinity(
        similarity,
        preference_of(similarity, options.preference),
        damping=options.damping,
        max_iterations=options.max_iterations,
        progress=lambda done, total: progress("affinity propagation", done, total),
        should_stop=should_stop,
    )


def _groups(exemplars: NDArray[np.int64]) -> list[NDArray[np.intp]]:
    order = np.argsort(exemplars, kind="stable")
    return np.split(order, np.flatnonzero(np.diff(exemplars[order])) + 1)


def _candidates(
    clusters: list[NDArray[np.intp]],
    clustering: Clustering,
    similarity: Similarity,
    parts: Parts,
    trim: float,
    needed: int,
    progress: Progress,
    should_stop: ShouldStop,
) -> list[Summary]:
    candidates = []
    for number, cluster in enumerate(clusters):
        if should_stop():
            raise Stopped("clustering was stopped")
        exemplars = np.unique(clustering.exemplars[cluster])
        exemplar = int(exemplars[0]) if len(exemplars) == 1 else central_part(similarity, cluster)
        members, similarities = choose_members(cluster, exemplar, similarity, parts.images, trim)
        candidates.append(Summary(members, similarities, aligned_ssim(parts.thumbnails[members], needed)))
        progress("structural similarity", number + 1, len(clusters))
    return candidates


def _result(
    verdict: Verdict, removed: RemovedParts, clustering: Clustering, kept: NDArray[np.intp], order: NDArray[np.intp]
) -> Result:
    """Names the parts as the caller did."""
    numbers = order[kept]
    by_number = np.argsort(order[removed.redundant])
    redundant, for_which = (order[ends][by_number].astype(np.int32) for ends in (removed.redundant, removed.kept))
    return Result(
        [summary.renumber(numbers) for summary in verdict.summaries],
        [DiscardedCluster(item.cluster.renumber(numbers), item.reason, item.detail) for item in verdict.discarded],
        RemovedParts(redundant, for_which),
        clustering.converged,
        clustering.iterations,
        clustering.damping,
        verdict.ssim_reference,
    )
