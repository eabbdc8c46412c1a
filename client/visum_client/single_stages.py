"""Stages of a class run on their own: each takes what the one before gave, from memory or from a run folder."""

import dataclasses
from typing import Any, TypeVar

from visum_client.bounded import for_each
from visum_client.calls import PureCalls
from visum_client.edges import BestScores
from visum_client.errors import InvalidInputError, TooFewImagesError
from visum_client.methods import DESCRIBE, EXTRACT_MASK
from visum_client.options import CONSENSUS
from visum_client.progress import Progress
from visum_client.records import Clusters, ImageRecord
from visum_client.results import clusters_of, members_of
from visum_client.run import Run
from visum_client.scheduler import Services
from visum_client.stage_results import MaskedImage, Masks, Matches, Parts
from visum_client.stages import clustering, drops, matching
from visum_client.stages.images import MIN_IMAGES, look_at_image, look_for_parts
from visum_client.stages.job import Job, Subject
from visum_client.stages.masks import STAGE as MASKS
from visum_client.stages.masks import Extracted
from visum_client.stages.proposals import STAGE as PROPOSALS
from visum_client.stages.proposals import ImageParts
from visum_client.store import MemoryStore, Store

Item = TypeVar("Item")


class SingleStages:
    """The stages, on some services; what they answer stays in memory.

    Args:
        services: The services.
        progress: Told how far the work is.
        run: Its folder is asked first for what the services would answer, where it was kept; it is not written to.
    """

    def __init__(self, services: Services, progress: Progress, run: Run | None = None) -> None:
        self._calls = PureCalls(services, MemoryStore(Store(run.folder.work) if run else None))
        self._progress = progress

    async def masks(self, subject: Subject) -> Masks:
        """The masks of the images of a subject. Raises VisumError where a service failed."""
        job = self._job(subject)
        found: dict[int, Extracted] = {}

        async def work(index: int) -> None:
            found[index] = await look_at_image(job, index)

        indices = range(len(job.images))
        with job.progress.stage(MASKS, len(indices)):
            await for_each(indices, await job.in_flight(EXTRACT_MASK.service), work)
        return Masks(subject, tuple(MaskedImage(job.images[index], found[index]) for index in indices))

    async def describe(self, masks: Masks, **options: Any) -> Parts:
        """The parts of masks. Raises VisumError where a service failed."""
        job = self._job(masks.subject, **options)
        found: dict[int, ImageParts] = {}
        failed: dict[int, ImageRecord] = {}

        async def work(index: int) -> None:
            record, parts = await look_for_parts(job, index, masks.images[index].extracted)
            if parts is not None and parts.count:
                found[index] = parts
            elif record.status == "failed":
                failed[index] = record

        with job.progress.stage(PROPOSALS, len(masks.used)):
            await for_each(masks.used, await job.in_flight(DESCRIBE.service), work)
        return Parts(masks, _subject(job), _in_order(found), _in_order(failed))

    async def match(self, parts: Parts, **options: Any) -> Matches:
        """The match scores of parts.

        Raises:
            InvalidInputError: The parts are regions, which are not matched.
            VisumError: A service failed.
        """
        if parts.subject.options.clustering.preset == CONSENSUS:
            raise InvalidInputError(f"parts of the preset {CONSENSUS} are not matched: cluster them", "parts")
        job = self._job(parts.subject, **options)
        return Matches(parts, _subject(job), await matching.match(job, parts.images))

    async def cluster(self, earlier: Matches | Parts, **options: Any) -> Clusters:
        """The summaries of matched parts, or of parts that are regions.

        Raises:
            InvalidInputError: The preset of the clustering is not that of the parts.
            TooFewImagesError: Fewer than three images have parts.
            VisumError: A service failed.
        """
        parts = earlier if isinstance(earlier, Parts) else earlier.parts
        job = self._job(earlier.subject, **options)
        _check_preset(earlier, parts, job)
        if min(len(parts.used), len(parts.images)) < MIN_IMAGES:
            text = f"{len(parts.used)} images take part and {len(parts.images)} have parts; {MIN_IMAGES} are needed"
            raise TooFewImagesError(text)
        best = earlier.best if isinstance(earlier, Matches) else BestScores(parts.table.count)
        result = await clustering.summarize(job, parts.images, parts.used, best)
        members = [part for summary in result.summaries for part, _ in members_of(summary, parts.table.count)]
        measured = await drops.measure_drops(job, parts.table, members, parts.masks.regions_png)
        return clusters_of(job, parts.table, result, measured)

    async def matched(self, parts: Parts) -> Matches | Parts:
        """The match scores of parts; regions stay as they are."""
        return parts if parts.subject.options.clustering.preset == CONSENSUS else await self.match(parts)

    def _job(self, subject: Subject, **options: Any) -> Job:
        given = {step: value for step, value in options.items() if value is not None}
        if "clustering" in given and given["clustering"].preset is None:
            preset = subject.options.clustering.preset
            given["clustering"] = dataclasses.replace(given["clustering"], preset=preset)
        changed = dataclasses.replace(subject, options=dataclasses.replace(subject.options, **given))
        return Job.on(changed, calls=self._calls, progress=self._progress)


def _subject(job: Job) -> Subject:
    return Subject(**{field.name: getattr(job, field.name) for field in dataclasses.fields(Subject)})


def _in_order(items: dict[int, Item]) -> tuple[Item, ...]:
    return tuple(items[index] for index in sorted(items))


def _check_preset(earlier: Matches | Parts, parts: Parts, job: Job) -> None:
    wanted, found = job.options.clustering.preset, parts.subject.options.clustering.preset
    if wanted != found:
        raise InvalidInputError(f"is {wanted}, but the parts were described for {found}", "clustering.preset")
    if wanted != CONSENSUS and isinstance(earlier, Parts):
        raise InvalidInputError(f"of the preset {wanted} have to be matched first", "parts")
