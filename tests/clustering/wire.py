"""Requests of Summarize for tests."""

from collections.abc import Iterator, Sequence

import numpy as np
from visum.v1 import clustering_pb2

from visum_clustering.feature_sets import FeatureSet
from visum_clustering.parts import Edges, Parts
from visum_wire import to_array


def requests_of(
    parts: Parts,
    edges: Edges,
    image_count: int,
    options: clustering_pb2.ClusteringOptions | None = None,
    chunk: int = 1000,
    features: Sequence[FeatureSet] = (),
) -> Iterator[clustering_pb2.SummarizeRequest]:
    """The whole stream, `chunk` parts or edges a message."""
    yield header_of(len(parts), image_count, options)
    for start in range(0, len(parts), chunk):
        yield clustering_pb2.SummarizeRequest(parts=parts_chunk(parts, slice(start, start + chunk), features))
    for start in range(0, len(edges), chunk):
        yield clustering_pb2.SummarizeRequest(edges=edges_chunk(edges, slice(start, start + chunk)))


def header_of(
    part_count: int, image_count: int, options: clustering_pb2.ClusteringOptions | None = None
) -> clustering_pb2.SummarizeRequest:
    header = clustering_pb2.SummarizeHeader(options=options, images=image_count, parts=part_count, view_side=224)
    return clustering_pb2.SummarizeRequest(header=header)


def parts_chunk(
    parts: Parts, rows: slice = slice(None), features: Sequence[FeatureSet] = ()
) -> clustering_pb2.PartsChunk:
    return clustering_pb2.PartsChunk(
        images=to_array(parts.images[rows], np.int32),
        boxes=to_array(parts.boxes[rows], np.int32),
        regions=to_array(parts.regions[rows], np.int32),
        descriptors=to_array(parts.descriptors[rows], np.float16),
        thumbnails=to_array(parts.thumbnails[rows], np.uint8),
        features=[
            clustering_pb2.PartFeatures(
                plain=to_array(kind.plain[rows], np.float16), mirrored=to_array(kind.mirrored[rows], np.float16)
            )
            for kind in features
        ],
    )


def edges_chunk(edges: Edges, rows: slice = slice(None)) -> clustering_pb2.EdgesChunk:
    return clustering_pb2.EdgesChunk(
        sources=to_array(edges.sources[rows], np.int32),
        targets=to_array(edges.targets[rows], np.int32),
        scores=to_array(edges.scores[rows], np.float32),
    )
