"""Writes what a run found: parts.npz and summaries.json."""

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import fmean
from typing import Any, BinaryIO

import numpy as np
from visum.v1 import clustering_pb2

from visum_client.edges import BestScores
from visum_client.errors import ServiceFaultError
from visum_client.files import write_atomically
from visum_client.folder import RunFolder, write_records
from visum_client.images import ImageFile
from visum_client.necessity import estimate_necessity
from visum_client.part_table import PartTable
from visum_client.records import Clusters, Discarded, Necessity, Part, Summary
from visum_client.stages.drops import Drop
from visum_client.stages.job import Subject
from visum_client.stages.proposals import ImageParts
from visum_wire import from_array

_SINGLETON = clustering_pb2.DISCARD_REASON_SINGLETON
Members = Sequence[tuple[int, float]]
"""Parts of a cluster and their similarities to its exemplar."""


@dataclass(frozen=True)
class Candidate:
    """A cluster that the clustering calls a summary, and what its parts do."""

    members: Members
    """Its parts, exemplar first."""
    ssim: float | None
    """Median structural similarity over the pairs of its members."""
    necessity: Necessity
    """What its parts do beyond their size and shape."""


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


def judge_effects(
    result: clustering_pb2.SummarizeResult,
    parts: int,
    drops: Mapping[int, Drop],
    required: Callable[[float], float | None],
) -> tuple[list[Candidate], list[Candidate], float | None]:
    """The summaries, the clusters whose parts do too little to be summaries, and how much is needed.

    Args:
        result: Answer of the clustering.
        parts: Number of parts.
        drops: What was measured of the members.
        required: What a necessity must reach where the largest is given; None: all are summaries.
    """
    candidates = [_candidate(cluster, members_of(cluster, parts), drops) for cluster in result.summaries]
    needed = required(max((candidate.necessity.mean for candidate in candidates), default=0.0))
    is_summary = [needed is None or candidate.necessity.mean >= needed for candidate in candidates]
    kept = [candidate for candidate, keep in zip(candidates, is_summary, strict=True) if keep]
    return kept, [candidate for candidate, keep in zip(candidates, is_summary, strict=True) if not keep], needed


def clusters_of(
    subject: Subject, table: PartTable, result: clustering_pb2.SummarizeResult, drops: Mapping[int, Drop]
) -> Clusters:
    """What the clustering found, judged by what its parts do."""
    required = partial(subject.options.necessity.required, subject.options.clustering.preset)
    kept, without_effect, needed = judge_effects(result, table.count, drops, required)
    images = subject.images
    summaries = [
        _summary(index, candidate, [_part(images, table, *member, drops) for member in candidate.members])
        for index, candidate in enumerate(kept)
    ]
    discarded = [_without_effect(images, table, candidate, drops, needed) for candidate in without_effect]
    discarded += [_discarded(images, table, entry) for entry in result.discarded if entry.reason != _SINGLETON]
    return Clusters(
        tuple(summaries),
        tuple(discarded),
        singletons=sum(entry.reason == _SINGLETON for entry in result.discarded),
        redundant=result.removed.redundant.shape[0] if result.removed.redundant.shape else 0,
    )


def write_summaries(folder: RunFolder, clusters: Clusters, result: clustering_pb2.SummarizeResult) -> None:
    """Writes summaries.json."""
    write_records(
        folder.summaries,
        summaries=[
            dataclasses.asdict(summary) | {"exemplar": _json(summary.exemplar)} for summary in clusters.summaries
        ],
        discarded=[
            dataclasses.asdict(cluster) | {"members": [_json(part) for part in cluster.members]}
            for cluster in clusters.discarded
        ],
        singletons=clusters.singletons,
        redundant=clusters.redundant,
        converged=result.converged,
        iterations=result.iterations,
        damping=result.damping,
        ssim_reference=_finite(result.ssim_reference) if result.HasField("ssim_reference") else None,
    )


def write_parts(
    folder: RunFolder, images: Sequence[ImageParts], table: PartTable, found: Sequence[Summary], best: BestScores
) -> None:
    """Writes parts.npz."""
    summaries = np.full(table.count, -1, dtype=np.int32)
    mirrored = np.zeros(table.count, dtype=np.bool_)
    similarities = np.full(table.count, np.nan, dtype=np.float32)
    for summary in found:
        for member in summary.members:
            summaries[member.part], similarities[member.part] = summary.index, member.similarity
            mirrored[member.part] = best.is_mirrored(member.part, summary.exemplar.part)
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
            part_mirrored=mirrored,
        )

    write_atomically(folder.parts, write)


def _candidate(cluster: clustering_pb2.Summary, members: Members, drops: Mapping[int, Drop]) -> Candidate:
    measured = [drops[part] for part, _ in members]
    effects, placed = [drop.log_odds for drop in measured], [drop.placed_log_odds for drop in measured]
    return Candidate(members, _ssim(cluster), estimate_necessity(effects, placed))


def _ssim(cluster: clustering_pb2.Summary) -> float | None:
    return _finite(cluster.ssim) if cluster.HasField("ssim") else None


def _summary(index: int, candidate: Candidate, members: Iterable[Part]) -> Summary:
    parts = tuple(members)
    return Summary(
        index=index,
        id=f"S{index + 1}",
        images=len({part.image for part in parts}),
        ssim=candidate.ssim,
        drop=fmean(part.drop or 0.0 for part in parts),
        drop_log_odds=fmean(part.drop_log_odds or 0.0 for part in parts),
        members=parts,
        necessity=candidate.necessity,
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
        placed_log_odds=drop.placed_log_odds if drop else None,
    )


def _without_effect(
    images: Sequence[ImageFile],
    table: PartTable,
    candidate: Candidate,
    drops: Mapping[int, Drop],
    needed: float | None,
) -> Discarded:
    found = candidate.necessity.mean
    detail = f"blurring its parts lowers the log-odds by {found:.2f} more than elsewhere; {needed:.2f} is needed"
    members = tuple(_part(images, table, *member, drops) for member in candidate.members)
    return Discarded(_reason(clustering_pb2.DISCARD_REASON_NO_EFFECT), detail, candidate.ssim, members)


def _discarded(images: Sequence[ImageFile], table: PartTable, entry: clustering_pb2.DiscardedCluster) -> Discarded:
    members = tuple(_part(images, table, *member, {}) for member in members_of(entry.cluster, table.count))
    return Discarded(_reason(entry.reason), entry.detail, _ssim(entry.cluster), members)


def _json(part: Part) -> dict[str, Any]:
    """A part; without drops where none were measured."""
    return {name: value for name, value in dataclasses.asdict(part).items() if value is not None}


def _reason(reason: clustering_pb2.DiscardReason.ValueType) -> str:
    name: str = clustering_pb2.DiscardReason.Name(reason)
    return name.removeprefix("DISCARD_REASON_").lower()


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None
