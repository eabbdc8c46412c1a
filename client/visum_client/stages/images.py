"""Every image on its own: its mask, then its parts."""

import asyncio
import dataclasses
import logging
from collections.abc import Sequence

from visum_client.bounded import for_each
from visum_client.errors import InvalidInputError, LimitError, ServiceFaultError, TooFewImagesError, VisumError
from visum_client.folder import write_records
from visum_client.images import ImageFile
from visum_client.methods import DESCRIBE, EXTRACT_MASK
from visum_client.records import STATUSES, ImageRecord
from visum_client.stages.job import Job, RunJob
from visum_client.stages.masks import STAGE as MASKS
from visum_client.stages.masks import Extracted, extract_mask, write_mask
from visum_client.stages.proposals import STAGE as PROPOSALS
from visum_client.stages.proposals import ImageParts, find_parts

MIN_IMAGES = 3
"""Fewest images in which a recurring part can be looked for."""

_log = logging.getLogger("visum_client")


async def look_at_images(job: RunJob) -> tuple[list[ImageRecord], list[ImageParts]]:
    """Records of all images, and the parts of those that have any. images.json lists what is done, however it ends.

    Raises:
        TooFewImagesError: Fewer than three images take part, or have parts.
        VisumError: A service failed for a reason that is not the image's.
    """
    records: dict[int, ImageRecord] = {}
    found: dict[int, ImageParts] = {}

    async def work(index: int) -> None:
        extracted = await look_at_image(job, index)
        if extracted.view_jpeg:
            await asyncio.to_thread(write_mask, job.folder, extracted)
        records[index], parts = await look_for_parts(job, index, extracted)
        if parts is not None and parts.count:
            found[index] = parts

    indices = range(len(job.images))
    in_flight = await job.in_flight(EXTRACT_MASK.service, DESCRIBE.service)
    try:
        with job.progress.stage(MASKS, len(indices)), job.progress.stage(PROPOSALS, len(indices)):
            await for_each(indices, in_flight, work)
    finally:
        write_records(job.folder.images, images=[dataclasses.asdict(records[index]) for index in sorted(records)])
    listed = [records[index] for index in indices]
    _require_enough(listed, len(found))
    return listed, [found[index] for index in sorted(found)]


async def look_at_image(job: Job, index: int) -> Extracted:
    """The mask of an image. A bad image fails alone: its record says why. Raises VisumError where a service failed."""
    image = job.images[index]
    if image.problem is not None:
        job.progress.drop(MASKS)
        status = "duplicate" if image.is_duplicate else "failed"
        return Extracted(ImageRecord(image.digest, image.label, status, image.problem), b"", {})
    try:
        extracted = await extract_mask(job, image)
    except VisumError as error:
        job.progress.drop(MASKS)
        return Extracted(failed(image, error), b"", {})
    job.progress.advance(MASKS)
    return extracted


async def look_for_parts(job: Job, index: int, extracted: Extracted) -> tuple[ImageRecord, ImageParts | None]:
    """The parts of an image, if it has any, and its record, which says why where it failed. Raises as above."""
    if extracted.regions_png is None:
        job.progress.drop(PROPOSALS)
        return extracted.record, None
    try:
        parts = await find_parts(job, index, extracted.regions_png)
    except VisumError as error:
        job.progress.drop(PROPOSALS)
        return failed(job.images[index], error), None
    job.progress.advance(PROPOSALS)
    return extracted.record, parts


def failed(image: ImageFile, error: VisumError) -> ImageRecord:
    """The record of an image that a service refused or failed on. Raises the error where it is not the image's."""
    is_bad_image = isinstance(error, InvalidInputError) and error.field.split(".")[0] == "image"
    if not is_bad_image and not isinstance(error, LimitError | ServiceFaultError):
        raise error
    _log.warning("%s: %s", image.label, error.message)
    return ImageRecord(image.digest, image.label, "failed", error.message)


def _require_enough(records: Sequence[ImageRecord], with_parts: int) -> None:
    counts = {status: sum(record.status == status for record in records) for status in STATUSES}
    if min(counts["used"], with_parts) >= MIN_IMAGES:
        return
    reasons = [f"{record.path}: {record.reason}" for record in records if record.status == "failed"]
    others = ", ".join(f"{count} {status}" for status, count in counts.items() if status != "used" and count)
    text = (
        f"of {len(records)} images {counts['used']} take part and {with_parts} have parts"
        f"{f' ({others})' if others else ''}; at least {MIN_IMAGES} are needed. images.json has the reasons"
    )
    raise TooFewImagesError(text + (f", as: {reasons[0]}" if reasons else ""))
