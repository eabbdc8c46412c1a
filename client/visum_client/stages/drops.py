"""What the network loses when a part alone is blurred, and when its shape is blurred elsewhere."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from visum.v1 import common_pb2, mask_pb2

from visum_client.bounded import for_each
from visum_client.images import ImageFile
from visum_client.methods import MEASURE_DROPS
from visum_client.necessity import log_odds_falls, place_elsewhere
from visum_client.part_table import PartTable
from visum_client.stages.job import Job, finite
from visum_wire import from_array, mask_to_png, regions_from_png

STAGE = "drops"


@dataclass(frozen=True)
class Drop:
    """The effect of blurring one part."""

    relative: float
    """(p0 - p1) / p0 of the target's probability."""
    log_odds: float
    """Fall of the target's log-odds; 0 where they are below chance to begin with."""
    placed_log_odds: float
    """The same for the part's shape elsewhere in the image, mean over random places."""


async def measure_drops(
    job: Job, table: PartTable, parts: Sequence[int], regions_png: Callable[[str], bytes]
) -> dict[int, Drop]:
    """The drop of each of the parts: box within region.

    Args:
        job: What is looked at.
        table: All parts.
        parts: Numbers of those to measure.
        regions_png: Gives the region map of an image by its digest.

    Raises:
        VisumError: A service failed.
    """
    by_image: dict[int, list[int]] = {}
    for part in parts:
        by_image.setdefault(int(table.images[part]), []).append(part)
    drops: dict[int, Drop] = {}

    async def work(image: int) -> None:
        masks = _masks(job, table, job.images[image].digest or "", by_image[image], regions_png)
        measured = await _of_image(job, job.images[image], masks)
        drops.update(zip(by_image[image], measured, strict=True))
        job.progress.advance(STAGE)

    with job.progress.stage(STAGE, len(by_image)):
        await for_each(sorted(by_image), await job.in_flight(MEASURE_DROPS.service), work)
    return drops


async def _of_image(job: Job, image: ImageFile, masks: Sequence[bytes]) -> list[Drop]:
    options, places = job.options.mask, job.options.necessity.places
    request = mask_pb2.MeasureDropsRequest(
        image=common_pb2.Image(sha256=image.digest or ""),
        model=job.card.ref,
        target=job.target,
        masks_png=masks,
        blur_sigma=options.blur_sigma,
    )
    on_reused = partial(job.progress.reuse, STAGE)
    decode = partial(_decode, len(masks) // (1 + places), places, len(job.card.classes))
    drops, _ = await job.calls.call(MEASURE_DROPS, request, decode, image, on_reused, network=job.card.preprocessing)
    return drops


def _masks(
    job: Job, table: PartTable, digest: str, parts: Sequence[int], regions_png: Callable[[str], bytes]
) -> list[bytes]:
    """Each part, followed by its shape at other places; the places depend on the image and the part alone."""
    side = job.view_side
    regions = regions_from_png(regions_png(digest), "regions", (side, side))
    masks = []
    for part in parts:
        pixels = table.pixels(part, regions)
        generator = np.random.default_rng([int(digest[:8], 16), *table.box(part)])
        masks += [pixels, *place_elsewhere(pixels, job.options.necessity.places, generator)]
    return [mask_to_png(mask) for mask in masks]


def _decode(parts: int, places: int, classes: int, response: mask_pb2.MeasureDropsResponse) -> list[Drop]:
    count = parts * (1 + places)
    probabilities = from_array(response.perturbed_probabilities, "perturbed_probabilities", "float64", (count,))
    log_odds = from_array(response.perturbed_log_odds, "perturbed_log_odds", "float64", (count,))
    before, log_odds_before = finite(response.probability, "probability"), finite(response.log_odds, "log_odds")
    after = probabilities.reshape(parts, -1)[:, 0].tolist()
    falls = log_odds_falls(log_odds_before, log_odds.reshape(parts, -1), classes)
    return [
        Drop((before - left) / before if before > 0 else 0.0, float(fall[0]), float(fall[1:].mean()))
        for left, fall in zip(after, falls, strict=True)
    ]
