"""A class run, from images to summaries."""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import SupportsIndex

from visum_client.calls import PureCalls
from visum_client.configuration import StepOptions, card_agrees, check_same, network_json, order_json
from visum_client.edges import BestScores
from visum_client.errors import VisumError
from visum_client.folder import RunFolder
from visum_client.images import Downloads, ImageFile, ImageSource, find_images
from visum_client.methods import DESCRIBE, DESCRIBE_REGIONS, EXTRACT_MASK, SUMMARIZE
from visum_client.model_cards import find_card
from visum_client.models import GivenModel, find_model, read_card
from visum_client.options import CONSENSUS
from visum_client.part_table import PartTable
from visum_client.progress import Progress
from visum_client.report import write_report
from visum_client.results import clusters_of, members_of, write_parts, write_summaries
from visum_client.run_log import RunLog
from visum_client.scheduler import Services
from visum_client.stages import clustering, drops, matching
from visum_client.stages.images import look_at_images
from visum_client.stages.job import Job, RunJob
from visum_client.stages.proposals import ImageParts
from visum_client.store import Store
from visum_client.targets import find_class, means

COMPLETE = "complete"
"""Status of a run that is done."""
_INTERRUPTED = "interrupted; the same command goes on where it was"

_log = logging.getLogger("visum_client")


@dataclass(frozen=True, kw_only=True)
class Order:
    """What is to be summarized, and how."""

    model: str | Path
    """Name of a network, or its file."""
    weights: str | Path | None = None
    """Its weights file, where `model` is a name."""
    target: str | SupportsIndex
    """Name or index of the class."""
    images: ImageSource
    """Where its images are."""
    out: Path
    """The run folder."""
    limit: int | None = None
    """Take the first so many images."""
    options: StepOptions = field(default_factory=StepOptions)
    """Options of the steps."""
    admit_unrecognized: bool = False
    """Let images take part whose best class is another."""
    overwrite: bool = False
    """Start anew in a used folder."""
    keep_work: bool = False
    """Keep the services' answers in the folder."""
    cache: Path | None = None
    """Folder of masks and proposals that runs share."""
    downloads: Downloads | None = None
    """Gives the folder for copies of images that are given by URI; None: URIs are refused."""


async def summarize(services: Services, order: Order, progress: Progress) -> RunFolder:
    """Makes a run, or goes on with it; a complete one is left as it is.

    Raises:
        VisumError: The order cannot be carried out, a service failed, or too few images are left; what was finished
            is kept.
    """
    images = await asyncio.to_thread(find_images, order.images, order.limit, order.downloads)
    order = replace(order, options=order.options.for_images(len(images)))
    model = find_model(order.model, order.weights)
    folder = RunFolder(order.out)
    if not order.overwrite and _is_done(folder, order, model, images):
        with folder.lock():
            _finish(folder, order)
        _log.info("%s is complete already: nothing to do", folder.path)
        return folder
    services.prepare(_services(order.options))
    card = await find_card(services, model)
    target = find_class(order.target, card.classes)
    wanted = network_json(card, target) | order_json(images, order.options, order.admit_unrecognized)
    with folder.lock():
        before = None if order.overwrite else folder.read_run()
        if before is not None:
            check_same(before["configuration"], wanted, folder.path)
            if before["status"] == COMPLETE:
                _finish(folder, order)
                _log.info("%s is complete already: nothing to do", folder.path)
                return folder
        folder.prepare(overwrite=order.overwrite)
        store = Store(folder.work, order.cache)
        calls = PureCalls(services, store)
        job = RunJob(
            folder=folder,
            calls=calls,
            progress=progress,
            card=card,
            target=target,
            images=tuple(images),
            options=order.options,
            admit_unrecognized=order.admit_unrecognized,
        )
        log = RunLog(folder, wanted, progress, **({"created": before["created"]} if before else {}))
        await _logged(job, log, order)
    return folder


async def _logged(job: RunJob, log: RunLog, order: Order) -> None:
    """Makes the run; however it ends, run.json says so."""
    log.save()
    try:
        await _connect(job, log)
        await _make(job, log)
        with job.progress.stage("report", 1):
            log.end(COMPLETE)
            await asyncio.to_thread(write_report, job.folder.path)
            job.progress.advance("report")
        log.save()
    except asyncio.CancelledError:
        log.end("failed", _INTERRUPTED)
        raise
    except BaseException as error:
        log.end("failed", str(error) if isinstance(error, VisumError) else f"{type(error).__name__}: {error}")
        raise
    _finish(job.folder, order)


async def _connect(job: Job, log: RunLog) -> None:
    """Connects to all services first: what is missing is said before work is done."""
    connections = await asyncio.gather(*(job.calls.services.connection(name) for name in _services(job.options)))
    for connection in connections:
        log.add_service(connection.service, connection.info)
    log.save()


async def _make(job: RunJob, log: RunLog) -> None:
    records, images = await look_at_images(job)
    log.save()
    best = await _match(job, images)
    log.save()
    used = [index for index, record in enumerate(records) if record.status == "used"]
    result = await clustering.summarize(job, images, used, best)
    log.save()
    table = PartTable.of(images)
    members = [part for summary in result.summaries for part, _ in members_of(summary, table.count)]
    measured = await drops.measure_drops(
        job, table, members, lambda digest: job.folder.mask(digest, "regions").read_bytes()
    )
    clusters = clusters_of(job, table, result, measured)
    write_parts(job.folder, images, table, clusters.summaries, best)
    write_summaries(job.folder, clusters, result)
    log.save()


async def _match(job: Job, images: Sequence[ImageParts]) -> BestScores:
    """The match scores; none where the parts are compared by their features."""
    if job.options.clustering.preset != CONSENSUS:
        return await matching.match(job, images)
    with job.progress.stage(matching.STAGE, 0):
        return BestScores(sum(parts.count for parts in images))


def _services(options: StepOptions) -> tuple[str, ...]:
    """The services that a run needs."""
    needed = (EXTRACT_MASK.service, DESCRIBE.service, SUMMARIZE.service)
    return (*needed, DESCRIBE_REGIONS.service) if options.clustering.preset == CONSENSUS else needed


def _is_done(folder: RunFolder, order: Order, model: GivenModel, images: Sequence[ImageFile]) -> bool:
    """True where the folder holds the complete run of this order, as far as can be told without asking a service."""
    before = folder.read_run()
    if before is None or before["status"] != COMPLETE:
        return False
    known = before["configuration"]
    card = read_card(model.weights) if model.weights else {}
    return (
        (known["model"]["sha256"] == model.sha256 if model.sha256 else known["model"]["name"] == model.name)
        and card_agrees(card, known)
        and means(order.target, **known["target"], classes=card.get("classes"))
        and known.items() >= order_json(images, order.options, order.admit_unrecognized).items()
    )


def _finish(folder: RunFolder, order: Order) -> None:
    """Sees that a complete run has its report, and nothing that only an unfinished one needs."""
    if not folder.report.exists():
        write_report(folder.path)
    if not order.keep_work:
        folder.remove_work()
