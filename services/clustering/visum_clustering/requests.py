"""The request stream of Summarize: its order, its limits, its values."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from visum.v1 import clustering_pb2

from visum_clustering.feature_sets import FeatureSet
from visum_clustering.options import ClusteringOptions, Preset, SsimRule
from visum_clustering.parts import THUMBNAIL_SIDE, Edges, Parts
from visum_runtime.errors import InvalidInput, OutOfRange
from visum_wire import from_array

_PRESETS = {
    clustering_pb2.ClusteringOptions.PRESET_UNSPECIFIED: Preset.PAPER,
    clustering_pb2.ClusteringOptions.PRESET_PAPER: Preset.PAPER,
    clustering_pb2.ClusteringOptions.PRESET_CONSENSUS: Preset.CONSENSUS,
}
_SSIM_RULES = {
    clustering_pb2.ClusteringOptions.SSIM_RULE_UNSPECIFIED: None,
    clustering_pb2.ClusteringOptions.SSIM_RULE_CLUSTERS: SsimRule.CLUSTERS,
    clustering_pb2.ClusteringOptions.SSIM_RULE_LITERAL: SsimRule.LITERAL,
    clustering_pb2.ClusteringOptions.SSIM_RULE_OFF: SsimRule.OFF,
}


@dataclass(frozen=True)
class Limits:
    """The largest class that a server takes."""

    parts: int
    """Parts of a class."""
    edges: int
    """Match scores of a class."""
    bytes: int
    """All messages of a request together, features included."""


MAX_DESCRIPTOR_WIDTH = 4096
MAX_FEATURE_WIDTH = 1 << 16


@dataclass(frozen=True, eq=False)
class Task:
    """One decoded request."""

    parts: Parts
    edges: Edges
    features: list[FeatureSet]
    image_count: int
    options: ClusteringOptions


@dataclass
class RequestReader:
    """Takes the messages of one request in their order: the header, all parts, all edges."""

    limits: Limits
    _header: clustering_pb2.SummarizeHeader | None = None
    _options: ClusteringOptions = field(default_factory=ClusteringOptions)
    _parts: list[Parts] = field(default_factory=list)
    _features: list[list[FeatureSet]] = field(default_factory=list)
    _edges: list[Edges] = field(default_factory=list)
    _received_parts: int = 0
    _received_edges: int = 0
    _received_bytes: int = 0

    def add(self, request: clustering_pb2.SummarizeRequest) -> None:
        """Decodes the next message.

        Raises:
            InvalidInput: It is out of order, or a value is missing or out of its range.
            OutOfRange: The class is larger than the limits.
        """
        self._received_bytes += request.ByteSize()
        if self._received_bytes > self.limits.bytes:
            raise OutOfRange(f"more than this server's limit of {self.limits.bytes} bytes for a class")
        content = request.WhichOneof("content")
        if content is None:
            raise InvalidInput("a message without content", field="content")
        if (content == "header") != (self._header is None):
            raise InvalidInput("the header comes first, and once", field=content)
        if content == "header":
            self._add_header(request.header)
        elif content == "parts":
            self._add_parts(request.parts)
        else:
            self._add_edges(request.edges)

    def finish(self) -> Task:
        """The whole request.

        Raises:
            InvalidInput: There was no header, or not all parts that it announced.
        """
        if self._header is None:
            raise InvalidInput("the stream ended before the header", field="header")
        if self._received_parts != self._header.parts:
            message = f"announced {self._header.parts} parts, {self._received_parts} came"
            raise InvalidInput(message, field="header.parts")
        kinds = [_joined_features(chunks) for chunks in zip(*self._features, strict=True)]
        parts, edges = _joined_parts(self._parts), _joined_edges(self._edges)
        return Task(parts, edges, kinds, self._header.images, self._options)

    def _add_header(self, header: clustering_pb2.SummarizeHeader) -> None:
        for name, least in (("images", 1), ("parts", 0), ("view_side", 1)):
            if getattr(header, name) < least:
                raise InvalidInput(f"must be at least {least}, is {getattr(header, name)}", field=f"header.{name}")
        if header.parts > self.limits.parts:
            raise OutOfRange(f"{header.parts} parts are more than this server's limit of {self.limits.parts}")
        self._options = decode_options(header.options)
        self._header = header

    def _add_parts(self, chunk: clustering_pb2.PartsChunk) -> None:
        if self._edges:
            raise InvalidInput("parts come before edges", field="parts")
        parts = _decode_parts(chunk, self._parts[0].descriptors.shape[1] if self._parts else None)
        if not len(parts):
            return
        if parts.descriptors.shape[1] > MAX_DESCRIPTOR_WIDTH:
            raise InvalidInput(f"are wider than {MAX_DESCRIPTOR_WIDTH}", field="parts.descriptors.shape")
        self._add_features(chunk, len(parts))
        self._parts.append(parts)
        self._received_parts += len(parts)
        announced = self._header.parts if self._header else 0
        if self._received_parts > announced:
            raise InvalidInput(f"more parts came than the {announced} announced", field="header.parts")

    def _add_features(self, chunk: clustering_pb2.PartsChunk, count: int) -> None:
        """Decodes the features of a chunk, which must be of the kinds and widths of the first."""
        known = self._features[0] if self._features else None
        if known is not None and len(chunk.features) != len(known):
            message = f"has {len(chunk.features)} kinds, the first chunk had {len(known)}"
            raise InvalidInput(message, field="parts.features")
        widths = [None] * len(chunk.features) if known is None else [kind.plain.shape[1] for kind in known]
        kinds = [_decode_features(kind, count, width) for kind, width in zip(chunk.features, widths, strict=True)]
        if sum(kind.plain.shape[1] for kind in kinds) > MAX_FEATURE_WIDTH:
            raise InvalidInput(f"are wider than {MAX_FEATURE_WIDTH}", field="parts.features.plain.shape")
        self._features.append(kinds)

    def _add_edges(self, chunk: clustering_pb2.EdgesChunk) -> None:
        sources = from_array(chunk.sources, "edges.sources", np.int32, [None])
        targets = from_array(chunk.targets, "edges.targets", np.int32, [len(sources)])
        scores = from_array(chunk.scores, "edges.scores", np.float32, [len(sources)])
        if not len(sources):
            return
        self._edges.append(Edges(sources, targets, scores))
        self._received_edges += len(sources)
        if self._received_edges > self.limits.edges:
            raise OutOfRange(f"more edges than this server's limit of {self.limits.edges}")


def decode_options(message: clustering_pb2.ClusteringOptions) -> ClusteringOptions:
    """The options of a request; what is not set takes its default.

    Raises:
        InvalidInput: A value is out of its range.
    """
    if message.preset not in _PRESETS:
        raise InvalidInput(f"unknown preset {message.preset}", field="options.preset")
    if message.ssim_rule not in _SSIM_RULES:
        raise InvalidInput(f"unknown rule {message.ssim_rule}", field="options.ssim_rule")
    numbers = {
        descriptor.name: value
        for descriptor, value in message.ListFields()
        if descriptor.name not in ("preset", "ssim_rule")
    }
    return ClusteringOptions(preset=_PRESETS[message.preset], ssim_rule=_SSIM_RULES[message.ssim_rule], **numbers)


def _decode_parts(chunk: clustering_pb2.PartsChunk, descriptor_size: int | None) -> Parts:
    images = from_array(chunk.images, "parts.images", np.int32, [None])
    count = len(images)
    side = THUMBNAIL_SIDE
    return Parts(
        images,
        from_array(chunk.boxes, "parts.boxes", np.int32, [count, 4]),
        from_array(chunk.regions, "parts.regions", np.int32, [count]),
        from_array(chunk.descriptors, "parts.descriptors", np.float16, [count, descriptor_size]),
        from_array(chunk.thumbnails, "parts.thumbnails", np.uint8, [count, side, side]),
    )


def _decode_features(message: clustering_pb2.PartFeatures, count: int, width: int | None) -> FeatureSet:
    plain = from_array(message.plain, "parts.features.plain", np.float16, [count, width])
    return FeatureSet(plain, from_array(message.mirrored, "parts.features.mirrored", np.float16, list(plain.shape)))


def _joined_features(chunks: Sequence[FeatureSet]) -> FeatureSet:
    return FeatureSet(*(np.concatenate([getattr(chunk, name) for chunk in chunks]) for name in ("plain", "mirrored")))


def _joined_parts(chunks: list[Parts]) -> Parts:
    descriptor_size = chunks[0].descriptors.shape[1] if chunks else 0
    return Parts(
        _joined([chunk.images for chunk in chunks], np.int32),
        _joined([chunk.boxes for chunk in chunks], np.int32, 4),
        _joined([chunk.regions for chunk in chunks], np.int32),
        _joined([chunk.descriptors for chunk in chunks], np.float16, descriptor_size),
        _joined([chunk.thumbnails for chunk in chunks], np.uint8, THUMBNAIL_SIDE, THUMBNAIL_SIDE),
    )


def _joined_edges(chunks: list[Edges]) -> Edges:
    return Edges(
        _joined([chunk.sources for chunk in chunks], np.int32),
        _joined([chunk.targets for chunk in chunks], np.int32),
        _joined([chunk.scores for chunk in chunks], np.float32),
    )


def _joined(arrays: list[NDArray[Any]], dtype: type[np.generic], *extents: int) -> NDArray[Any]:
    return np.concatenate([np.empty((0, *extents), dtype), *arrays])
