"""The answers of Summarize as messages."""

from visum.v1 import clustering_pb2, common_pb2

from visum_clustering.summaries import DiscardedCluster, DiscardReason, Summary
from visum_clustering.summarize import Result
from visum_wire import to_array

_REASONS = {
    DiscardReason.SINGLETON: clustering_pb2.DISCARD_REASON_SINGLETON,
    DiscardReason.TOO_FEW_IMAGES: clustering_pb2.DISCARD_REASON_TOO_FEW_IMAGES,
    DiscardReason.SSIM: clustering_pb2.DISCARD_REASON_SSIM,
    DiscardReason.DUPLICATE: clustering_pb2.DISCARD_REASON_DUPLICATE,
}


def encode_progress(step: str, done: int, total: int) -> clustering_pb2.SummarizeResponse:
    """How far the work is."""
    progress = clustering_pb2.ClusteringProgress(step=step, done=done, total=total)
    return clustering_pb2.SummarizeResponse(progress=progress)


def encode_result(result: Result, timing: common_pb2.Timing) -> clustering_pb2.SummarizeResponse:
    """The result, once."""
    message = clustering_pb2.SummarizeResult(
        summaries=[_encode_summary(summary) for summary in result.summaries],
        discarded=[_encode_discarded(item) for item in result.discarded],
        removed=clustering_pb2.RemovedParts(
            redundant=to_array(result.removed.redundant), kept=to_array(result.removed.kept)
        ),
        converged=result.converged,
        iterations=result.iterations,
        damping=result.damping,
        ssim_reference=result.ssim_reference,
        timing=timing,
    )
    return clustering_pb2.SummarizeResponse(result=message)


def _encode_summary(summary: Summary) -> clustering_pb2.Summary:
    return clustering_pb2.Summary(
        members=to_array(summary.members), similarities=to_array(summary.similarities), ssim=summary.ssim
    )


def _encode_discarded(item: DiscardedCluster) -> clustering_pb2.DiscardedCluster:
    return clustering_pb2.DiscardedCluster(
        cluster=_encode_summary(item.cluster), reason=_REASONS[item.reason], detail=item.detail
    )
