"""Which summaries of a class new images show, and where."""

import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from visum_client.bounded import for_each
from visum_client.calls import PureCalls
from visum_client.configuration import run_options
from visum_client.errors import VisumError
from visum_client.images import ImageFile, ImageSource, find_images
from visum_client.likeness.calibration import Reliability, choose
from visum_client.likeness.feature_space import FeatureSpace, PartFeatures
from visum_client.likeness.members import Likeness, count_images, find_members, needs_network
from visum_client.likeness.part_features import describe_places, joined
from visum_client.likeness.stored_features import descriptor_features
from visum_client.methods import DESCRIBE_REGIONS, EXTRACT_MASK, SELECT_SURVIVORS
from visum_client.networks import FileName, find_network
from visum_client.options import CONSENSUS
from visum_client.progress import Progress
from visum_client.records import Box, ImageRecord, ViewToOriginal
from visum_client.report.contents import read_contents
from visum_client.scheduler import Services
from visum_client.stages.images import failed
from visum_client.stages.job import Job
from visum_client.stages.masks import extract_mask
from visum_client.stages.proposals import find_parts
from visum_client.store import Store
from visum_wire import from_array, regions_from_png

STAGES = ("members", "images")
"""What is worked on, in order."""


@dataclass(frozen=True)
class Shown:
    """What one image shows of one summary."""

    summary: str
    """Its id."""
    is_shown: bool
    """True where the place below is like the summary, and like no other one more."""
    score: float
    """Share of the summary's own members that fit it no better, each left out in turn; 0..1."""
    likeness: float
    """Mean cosine to the three likest members, -1..1."""
    box: Box
    """The likest place, view pixels."""
    original_box: tuple[float, float, float, float]
    """The same in pixels of the upright original."""


@dataclass(frozen=True)
class ImageScore:
    """What one image shows."""

    path: str
    """The image."""
    status: str
    """scored, or failed."""
    reason: str | None
    """Why there is nothing to see; else None."""
    recognized: bool | None
    """Whether the class is the network's best for the image; None where it failed."""
    probability: float | None
    """Probability of the class; None where it failed."""
    summaries: tuple[Shown, ...]
    """Every summary of the run, in its order; empty where the image failed, or its mask has no region or no part."""


@dataclass(frozen=True)
class Scores:
    """What new images show of the summaries of a run."""

    images: tuple[ImageScore, ...]
    """In the order of the paths."""
    reliability: Mapping[str, Reliability]
    """How far the answers can be trusted, by the summary's id."""


@dataclass(frozen=True, kw_only=True)
class ScoreOrder:
    """What is to be scored."""

    run: Path
    """The run folder."""
    images: ImageSource
    """The new images."""
    model: FileName | None = None
    """Name or file of the run's network; None: the name that the run tells."""
    weights: FileName | None = None
    """Its weights file, where `model` is a name."""
    cache: Path | None = None
    """Folder of masks and proposals that runs share."""


async def score_images(services: Services, order: ScoreOrder, progress: Progress) -> Scores:
    """Looks for the summaries of a run in new images, with the run's own options.

    Raises:
        InvalidInputError: There are no such images, the network is another, or the run has no summaries.
        RunFolderError: The run folder is damaged.
        VisumError: A service failed.
    """
    contents = read_contents(order.run)
    files = find_images(order.images)
    options = run_options(contents.run["configuration"])
    other = DESCRIBE_REGIONS if needs_network(contents) else SELECT_SURVIVORS
    services.prepare((EXTRACT_MASK.service, other.service))
    card = await find_network(services, contents, order.model, order.weights)
    known = card if needs_network(contents) else None
    target = contents.run["configuration"]["target"]["index"]
    with tempfile.TemporaryDirectory(prefix="visum-") as scratch:
        calls = PureCalls(services, Store(Path(scratch), order.cache))
        with progress.stage("members", count_images(contents)):
            members = await find_members(calls, known, contents, lambda: progress.advance("members"))
        inner = Progress(visible=False)  # its stages are those of a run
        job = Job(
            card=card,
            target=target,
            images=tuple(files),
            options=options,
            admit_unrecognized=True,
            calls=calls,
            progress=inner,
        )
        likeness = Likeness(members, FeatureSpace(members.features))
        with progress.stage("images", len(files)):
            images = await _score_all(job, likeness, lambda: progress.advance("images"))
    names = [summary.id for summary in members.summaries]
    return Scores(images, dict(zip(names, likeness.reliability(), strict=True)))


async def _score_all(job: Job, likeness: Likeness, on_image: Callable[[], None]) -> tuple[ImageScore, ...]:
    found: dict[int, ImageScore] = {}

    async def work(index: int) -> None:
        found[index] = await _score_image(job, likeness, index)
        on_image()

    indices = range(len(job.images))
    await for_each(indices, await job.in_flight(EXTRACT_MASK.service), work)
    return tuple(found[index] for index in indices)


async def _score_image(job: Job, likeness: Likeness, index: int) -> ImageScore:
    """A bad image fails alone: its entry says why. Raises VisumError where a service failed."""
    image = job.images[index]
    if image.problem is not None:
        return _failed(image, image.problem)
    try:
        extracted = await extract_mask(job, image)
        record = extracted.record
        if extracted.regions_png is None:
            return _scored(job, record, ())
        boxes, features = await _candidates(job, index, record, extracted.regions_png)
    except VisumError as error:
        return _failed(image, failed(image, error).reason)
    if not boxes:
        return _scored(job, replace(record, reason="no proposal lies inside its mask"), ())
    table = likeness.of(likeness.space.points(features), [image.digest or ""] * len(boxes))
    return _scored(job, record, _best_places(likeness, table, boxes, record.view_to_original))


async def _candidates(job: Job, index: int, record: ImageRecord, regions_png: bytes) -> tuple[list[Box], PartFeatures]:
    """Boxes and features of the parts of a new image, found as those of the run were."""
    image = job.images[index]
    if job.options.clustering.preset == CONSENSUS and record.mask is not None:
        regions = regions_from_png(regions_png, "regions")
        places = [regions == number for number in range(1, len(record.mask.regions) + 1)]
        return list(record.mask.regions), joined(await describe_places(job.calls, job.card, image, places))
    parts = await find_parts(job, index, regions_png)
    rows = from_array(parts.survivors.load().descriptors, "descriptors", "float16", (parts.count, None))
    boxes = [(x0, y0, x1, y1) for x0, y0, x1, y1 in parts.boxes.tolist()]
    return boxes, descriptor_features(rows.astype(np.float32))


def _best_places(
    likeness: Likeness, table: NDArray[np.float64], boxes: Sequence[Box], to_original: ViewToOriginal | None
) -> tuple[Shown, ...]:
    scores = likeness.scores(table)
    chosen = choose(scores, table)
    return tuple(
        _shown(summary.id, scores[:, number], table[:, number], chosen == number, boxes, to_original)
        for number, summary in enumerate(likeness.summaries)
    )


def _shown(
    name: str,
    scores: NDArray[np.float64],
    table: NDArray[np.float64],
    is_chosen: NDArray[np.bool_],
    boxes: Sequence[Box],
    to_original: ViewToOriginal | None,
) -> Shown:
    """The place that is likest to a summary, of those given to it if there are any."""
    best = int(np.lexsort((table, scores, is_chosen))[-1])
    box = boxes[best]
    return Shown(
        name, bool(is_chosen[best]), float(scores[best]), float(table[best]), box, original_box(box, to_original)
    )


def original_box(box: Box, to_original: ViewToOriginal | None) -> tuple[float, float, float, float]:
    """A box of the view in pixels of the upright original."""
    if to_original is None:
        return box
    x0, y0, x1, y1 = box
    ends = (to_original.xx * x0 + to_original.x0, to_original.yy * y0 + to_original.y0)
    return (*ends, to_original.xx * x1 + to_original.x0, to_original.yy * y1 + to_original.y0)


def _scored(job: Job, record: ImageRecord, summaries: tuple[Shown, ...]) -> ImageScore:
    recognized = bool(record.predicted) and record.predicted[0].index == job.target
    return ImageScore(record.path, "scored", record.reason, recognized, record.target_probability, summaries)


def _failed(image: ImageFile, reason: str | None) -> ImageScore:
    return ImageScore(image.label, "failed", reason, None, None, ())
