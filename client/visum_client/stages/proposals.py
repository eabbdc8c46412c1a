"""The parts of each image: proposals that survive its mask, or its mask's regions themselves."""

import dataclasses
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from visum.v1 import common_pb2, proposal_pb2, specializer_pb2

from visum_client.methods import DESCRIBE, DESCRIBE_REGIONS, SELECT_SURVIVORS
from visum_client.options import CONSENSUS, MOST_SURVIVORS
from visum_client.stages.job import Job
from visum_client.store import Kept
from visum_wire import InvalidInput, from_array, to_array

STAGE = "proposals"
THUMBNAIL_SIDE = 64
"""Side of a part's thumbnail, pixels."""
FEATURES = ("aligned", "pooled")
"""Kinds of features of a region; each has a mirrored twin."""


@dataclass(frozen=True)
class ImageParts:
    """The parts of one image; descriptors and thumbnails stay in the store."""

    image: int
    """Index of the image in the run."""
    boxes: NDArray[np.int32]
    """[S, 4], view pixels."""
    regions: NDArray[np.int32]
    """[S], 1..R."""
    described: Kept[proposal_pb2.DescribeResponse] | None
    """Its proposals; None where the regions themselves are the parts."""
    survivors: Kept[proposal_pb2.SelectSurvivorsResponse]
    """Its parts, complete."""
    match_bytes: int
    """Size of its boxes and descriptors in a tile."""
    features: Kept[specializer_pb2.DescribeRegionsResponse] | None = None
    """What the network sees in its regions; None where nobody asked."""

    @property
    def count(self) -> int:
        """Number of parts."""
        return len(self.boxes)


async def find_parts(job: Job, index: int, regions_png: bytes) -> ImageParts:
    """The parts of an image, as the clustering wants them. Raises VisumError."""
    if job.options.clustering.preset == CONSENSUS:
        return await _describe_regions(job, index, regions_png)
    return await _select_proposals(job, index, regions_png)


async def _describe_regions(job: Job, index: int, regions_png: bytes) -> ImageParts:
    """Asks for the regions as parts, and for what the network sees in them."""
    image = job.images[index]
    reference = common_pb2.Image(sha256=image.digest or "")
    selection = proposal_pb2.SelectSurvivorsRequest(
        image=reference,
        preprocessing=job.framing,
        boxes=to_array(np.zeros((0, 4), np.int32)),
        regions_png=regions_png,
        options=dataclasses.replace(
            job.options.survivors, add_region_boxes=True, max_survivors=MOST_SURVIVORS
        ).to_message(),
    )
    (boxes, regions), survivors = await job.calls.call(SELECT_SURVIVORS, selection, partial(_survivors, 0), image)
    request = specializer_pb2.DescribeRegionsRequest(image=reference, model=job.card.ref, regions_png=regions_png)
    decode, on_reused = partial(_features, int(regions.max(initial=0))), partial(job.progress.reuse, STAGE)
    network = job.card.preprocessing
    _, features = await job.calls.call(DESCRIBE_REGIONS, request, decode, image, on_reused, network=network)
    return ImageParts(index, boxes, regions, None, survivors, 0, features)


async def _select_proposals(job: Job, index: int, regions_png: bytes) -> ImageParts:
    """Asks for the proposals of an image and for those inside its regions."""
    image = job.images[index]
    reference = common_pb2.Image(sha256=image.digest or "")
    request = proposal_pb2.DescribeRequest(
        image=reference, preprocessing=job.framing, options=job.options.describe.to_message()
    )
    description, described = await job.calls.call(DESCRIBE, request, _description, image)
    selection = proposal_pb2.SelectSurvivorsRequest(
        image=reference,
        preprocessing=job.framing,
        boxes=description.boxes,
        regions_png=regions_png,
        options=job.options.survivors.to_message(),
    )
    decode = partial(_survivors, description.boxes.shape[0])
    on_reused = partial(job.progress.reuse, STAGE)
    (boxes, regions), survivors = await job.calls.call(SELECT_SURVIVORS, selection, decode, image, on_reused)
    size = description.ByteSize() + len(boxes) * (description.ByteSize() // max(1, description.boxes.shape[0]) + 8)
    return ImageParts(index, boxes, regions, described, survivors, size)


def _description(response: proposal_pb2.DescribeResponse) -> proposal_pb2.Description:
    boxes = from_array(response.description.boxes, "description.boxes", "int32", (None, 4))
    from_array(response.description.descriptors, "description.descriptors", "float16", (len(boxes), None))
    return response.description


def _features(most: int, response: specializer_pb2.DescribeRegionsResponse) -> specializer_pb2.DescribeRegionsResponse:
    """Checks that there is a row for every region of a part."""
    for name in FEATURES:
        for field in (name, f"{name}_mirrored"):
            rows = from_array(getattr(response, field), field, "float16", (None, None))
            if len(rows) < most:
                raise InvalidInput(f"has {len(rows)} rows, {most} regions were sent", field=field)
    return response


def _survivors(
    described: int, response: proposal_pb2.SelectSurvivorsResponse
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    boxes = from_array(response.boxes, "boxes", "int32", (None, 4))
    regions = from_array(response.regions, "regions", "int32", (len(boxes),))
    proposals = from_array(response.proposals, "proposals", "int32", (len(boxes),))
    from_array(response.descriptors, "descriptors", "float16", (len(boxes), None))
    from_array(response.thumbnails, "thumbnails", "uint8", (len(boxes), THUMBNAIL_SIDE, THUMBNAIL_SIDE))
    if len(boxes) and (proposals.min() < -1 or proposals.max() >= described):
        raise InvalidInput("points outside the boxes that were sent", field="proposals")
    return boxes, regions
