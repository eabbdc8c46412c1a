"""From parts and scores to summaries."""

from collections.abc import Iterator, Sequence

import numpy as np
from visum.v1 import clustering_pb2, common_pb2

from visum_client.edges import BestScores
from visum_client.stages.job import Job
from visum_client.stages.proposals import FEATURES, THUMBNAIL_SIDE, ImageParts
from visum_wire import from_array, to_array

STAGE = "clustering"
PARTS_IN_CHUNK = 1024
"""Parts of a message at most, if no image has more; about 4.5 MiB."""
FEATURE_BYTES_IN_CHUNK = 8 << 20
"""Features of a message, if no image has more."""
EDGES_IN_CHUNK = 500_000
"""Scores of a message; 6 MB."""


async def summarize(
    job: Job, images: Sequence[ImageParts], used: Sequence[int], best: BestScores
) -> clustering_pb2.SummarizeResult:
    """Asks for the summaries.

    Args:
        job: The run.
        images: The images that have parts, at least one part each.
        used: Indices of all images that take part, sorted.
        best: The scores between the parts.

    Raises:
        VisumError: The clustering failed.
    """

    def on_progress(progress: clustering_pb2.ClusteringProgress) -> None:
        job.progress.tell(STAGE, f"{progress.step} {progress.done}/{progress.total or '?'}")

    def requests() -> Iterator[clustering_pb2.SummarizeRequest]:
        return _requests(job, images, used, best)

    with job.progress.stage(STAGE, 1):
        result = await job.calls.summarize(requests, on_progress, lambda: job.progress.reuse(STAGE))
        job.progress.advance(STAGE)
    return result


def _requests(
    job: Job, images: Sequence[ImageParts], used: Sequence[int], best: BestScores
) -> Iterator[clustering_pb2.SummarizeRequest]:
    header = clustering_pb2.SummarizeHeader(
        options=job.options.clustering.to_message(),
        images=len(used),
        parts=sum(parts.count for parts in images),
        view_side=job.view_side,
    )
    yield clustering_pb2.SummarizeRequest(header=header)
    for chunk in _chunks(images):
        yield clustering_pb2.SummarizeRequest(parts=_parts([images[index] for index in chunk], used))
    sources, targets, scores = best.edges()
    for start in range(0, len(scores), EDGES_IN_CHUNK):
        run = slice(start, start + EDGES_IN_CHUNK)
        edges = clustering_pb2.EdgesChunk(
            sources=to_array(sources[run]), targets=to_array(targets[run]), scores=to_array(scores[run])
        )
        yield clustering_pb2.SummarizeRequest(edges=edges)


def _chunks(images: Sequence[ImageParts]) -> Iterator[range]:
    """Runs of images whose parts fit a message."""
    start, count = 0, 0
    most = min(PARTS_IN_CHUNK, FEATURE_BYTES_IN_CHUNK // _feature_bytes(images[0])) if images else 0
    for index, parts in enumerate(images):
        if index > start and count + parts.count > most:
            yield range(start, index)
            start, count = index, 0
        count += parts.count
    if images:
        yield range(start, len(images))


def _parts(images: Sequence[ImageParts], used: Sequence[int]) -> clustering_pb2.PartsChunk:
    loaded = [parts.survivors.load() for parts in images]
    descriptors = [from_array(parts.descriptors, "descriptors", "float16", (None, None)) for parts in loaded]
    shape = (None, THUMBNAIL_SIDE, THUMBNAIL_SIDE)
    thumbnails = [from_array(parts.thumbnails, "thumbnails", "uint8", shape) for parts in loaded]
    numbers = np.searchsorted(used, [parts.image for parts in images])
    return clustering_pb2.PartsChunk(
        images=to_array(np.repeat(numbers, [parts.count for parts in images]), "int32"),
        boxes=to_array(np.concatenate([parts.boxes for parts in images])),
        regions=to_array(np.concatenate([parts.regions for parts in images])),
        descriptors=to_array(np.concatenate(descriptors)),
        thumbnails=to_array(np.concatenate(thumbnails)),
        features=_features(images),
    )


def _features(images: Sequence[ImageParts]) -> list[clustering_pb2.PartFeatures]:
    """The features of the parts of some images, a row a part; empty where they have none."""
    regions = [parts.regions - 1 for parts in images if parts.features is not None]
    responses = [parts.features.load() for parts in images if parts.features is not None]

    def rows(field: str) -> common_pb2.Array:
        found = [from_array(getattr(response, field), field, "float16", (None, None)) for response in responses]
        return to_array(np.concatenate([values[own] for values, own in zip(found, regions, strict=True)]))

    if not responses:
        return []
    return [clustering_pb2.PartFeatures(plain=rows(name), mirrored=rows(f"{name}_mirrored")) for name in FEATURES]


def _feature_bytes(parts: ImageParts) -> int:
    """Bytes of the features of one part; 1 where there are none."""
    if parts.features is None:
        return 1
    response = parts.features.load()
    return max(1, response.ByteSize() // max(1, response.pooled.shape[0]))
