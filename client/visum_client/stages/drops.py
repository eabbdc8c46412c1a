"""What the network loses when a part alone is blurred."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from visum.v1 import common_pb2, mask_pb2

from visum_client.bounded import for_each
from visum_client.methods import MEASURE_DROPS
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
    """Fall of the target's log-odds."""


async def measure_drops(job: Job, table: PartTable, parts: Sequence[int]) -> dict[int, Drop]:
    """The drop of each of the parts: box within region. Raises VisumError."""
    by_image: dict[int, list[int]] = {}
    for part in parts:
        by_image.setdefault(int(table.images[part]), []).append(part)
    drops: dict[int, Drop] = {}

    async def work(image: int) -> None:
        measured = await _of_image(job, table, image, by_image[image])
        drops.update(zip(by_image[image], measured, strict=True))
        job.progress.advance(STAGE)

    with job.progress.stage(STAGE, len(by_image)):
        await for_each(sorted(by_image), await job.in_flight(MEASURE_DROPS.service), work)
    return drops


async def _of_image(job: Job, table: PartTable, index: int, parts: Sequence[int]) -> list[Drop]:
    image = job.images[index]
    options = job.options.mask
    request = mask_pb2.MeasureDropsRequest(
        image=common_pb2.Image(sha256=image.digest or ""),
        model=job.card.ref,
        target=job.target,
        masks_png=_masks(job, table, image.digest or "", parts),
        blur_sigma=options.blur_sigma,
    )
    on_reused = partial(job.progress.reuse, STAGE)
    drops, _ = await job.calls.call(MEASURE_DROPS, request, partial(_decode, len(parts)), image, on_reused)
    return drops


def _masks(job: Job, table: PartTable, digest: str, parts: Sequence[int]) -> list[bytes]:
    side = job.view_side
    regions = regions_from_png(job.folder.mask(digest, "regions").read_bytes(), "regions", (side, side))
    return [mask_to_png(table.pixels(part, regions)) for part in parts]


def _decode(count: int, response: mask_pb2.MeasureDropsResponse) -> list[Drop]:
    perturbed = from_array(response.perturbed_probabilities, "perturbed_probabilities", "float64", (count,))
    log_odds = from_array(response.perturbed_log_odds, "perturbed_log_odds", "float64", (count,))
    before, log_odds_before = finite(response.probability, "probability"), finite(response.log_odds, "log_odds")
    return [
        Drop((before - after) / before if before > 0 else 0.0, log_odds_before - fallen)
        for after, fallen in zip(perturbed.tolist(), log_odds.tolist(), strict=True)
    ]
