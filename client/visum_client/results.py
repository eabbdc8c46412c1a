"""Writes what a run found: parts.npz and summaries.json."""

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean
from typing import Any, BinaryIO

import numpy as np
from visum.v1 import clustering_pb2

from visum_client.errors import ServiceFaultError
from visum_client.files import write_atomically
from visum_client.folder import write_records
from visum_client.images import ImageFile
from visum_client.part_table import PartTable
from visum_client.records import Discarded, Part, Summary
from visum_client.stages.drops import Drop
from visum_client.stages.job import Job
from visum_client.stages.proposals import ImageParts
from visum_wire import from_array

_SINGLETON = clustering_pb2.DISCARD_REASON_SINGLETON
Members = Sequence[tuple[int, float]]
"""Parts of a cluster and their similarities to its exemplar."""


def members_of(cluster: clustering_pb2.Summary, parts: int) -> Members:
    """The members of a cluster. Raises ServiceFaultError where the answer points outside the parts."""
    try:
        members = from_array(cluster.members, "members", "int32", (None,))
        similarities = from_array(cluster.similarities, "similarities", "float32", (len(members),))
    except ValueError as error:
        raise ServiceFaultError(f"clustering service: wrong answer to Summarize: {error}") from error
    if not len(members) or members.min() < 0 or members.max() >= parts:
        raise ServiceFaultError("clustering service: wrong answer to Summarize: members are no parts")
    return [(part, round(value, 6)) for part, value in zip(members.tolist(), similarities.tolist(), strict=True)]


def write_summaries(
    job: Job, table: PartTable, result: clustering_pb2.SummarizeResult, drops: Mapping[int, Drop]
) -> None:
    """Writes summaries.json."""
    clusters = [members_of(summary, table.count) for summary in result.summaries]
    summaries = [
        _summary(index, _ssim(cluster), [_part(job.images, table, *member, drops) for member in members])
        for index, (cluster, members) in enumerate(zip(result.summaries, clusters, strict=True))
    ]
    discarded = [_discarded(job, table, entry) for entry in result.discarded if entry.reason != _SINGLETON]
    write_records(
        job.folder.summaries,
        summaries=[dataclasses.asdict(summary) | {"exemplar": _json(summary.exemplar)} for summary in summaries],
        discarded=discarded,
        singletons=sum(entry.reason == _SINGLETON for entry in result.discarded),
        redundant=result.removed.redundant.shape[0] if result.removed.redundant.shape else 0,
        converged=result.converged,
        iterations=result.iterations,
        damping=result.damping,
        ssim_reference=_finite(result.ssim_reference) if result.HasField("ssim_reference") else None,
    )


def write_parts(
    job: Job, images: Sequence[ImageParts], table: PartTable, result: clustering_pb2.SummarizeResult
) -> None:
    """Writes parts.npz."""
    summaries = np.full(table.count, -1, dtype=np.int32)
    similarities = np.full(table.count, np.nan, dtype=np.float32)
    for index, summary in enumerate(result.summaries):
        for part, similarity in members_of(summary, table.count):
            summaries[part], similarities[part] = index, similarity
    loaded = (parts.survivors.load().descriptors for parts in images)
    descriptors = [from_array(array, "descriptors", "float16", (None, None)) for array in loaded]

    def write(file: BinaryIO) -> None:
        np.savez_compressed(
            file,
            part_image=table.images,
            part_box=table.boxes,
            part_region=table.regions,
            part_descriptor=np.concatenate(descriptors),
            part_summary=summaries,
            part_similarity=similarities,
        )

    write_atomically(job.folder.parts, write)


def _ssim(cluster: clustering_pb2.Summary) -> float | None:
    return _finite(cluster.ssim) if cluster.HasField("ssim") else None


def _summary(index: int, ssim: float | None, members: Iterable[Part]) -> Summary:
    parts = tuple(members)
    return Summary(
        index=index,
        id=f"S{index + 1}",
        images=len({part.image for part in parts}),
        ssim=ssim,
        drop=fmean(part.drop or 0.0 for part in parts),
        drop_log_odds=fmean(part.drop_log_odds or 0.0 for part in parts),
        members=parts,
    )


def _part(
    images: Sequence[ImageFile], table: PartTable, part: int, similarity: float, drops: Mapping[int, Drop]
) -> Part:
    image = images[int(table.images[part])]
    drop = drops.get(part)
    return Part(
        image=image.digest or "",
        path=image.label,
        part=part,
        box=table.box(part),
        region=int(table.regions[part]),
        similarity=similarity,
        drop=drop.relative if drop else None,
        drop_log_odds=drop.log_odds if drop else None,
    )


def _discarded(job: Job, table: PartTable, entry: clustering_pb2.DiscardedCluster) -> dict[str, Any]:
    members = tuple(_part(job.images, table, *member, {}) for member in members_of(entry.cluster, table.count))
    discarded = Discarded(_reason(entry.reason), entry.detail, _ssim(entry.cluster), members)
    return dataclasses.asdict(discarded) | {"members": [_json(part) for part in members]}


def _json(part: Part) -> dict[str, Any]:
    """A part; without drops where none were measured."""
    return {name: value for name, value in dataclasses.asdict(part).items() if value is not None}


def _reason(reason: clustering_pb2.DiscardReason.ValueType) -> str:
    name: str = clustering_pb2.DiscardReason.Name(reason)
    return name.removeprefix("DISCARD_REASON_").lower()


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
