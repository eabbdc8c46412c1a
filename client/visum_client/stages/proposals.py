"""The parts of each image: proposals that survive its mask."""

from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from visum.v1 import common_pb2, proposal_pb2

from visum_client.methods import DESCRIBE, SELECT_SURVIVORS
from visum_client.stages.job import Job
from visum_client.store import Stored
from visum_wire import InvalidInput, from_array

STAGE = "proposals"
THUMBNAIL_SIDE = 64
"""Side of a part's thumbnail, pixels."""


@dataclass(frozen=True)
class ImageParts:
    """The parts of one image; descriptors and thumbnails stay in the store."""

    image: int
    """Index of the image in the run."""
    boxes: NDArray[np.int32]
    """[S, 4], view pixels."""
    regions: NDArray[np.int32]
    """[S], 1..R."""
    described: Stored[proposal_pb2.DescribeResponse]
    """Its proposals."""
    survivors: Stored[proposal_pb2.SelectSurvivorsResponse]
    """Its parts, complete."""
    match_bytes: int
    """Size of its boxes and descriptors in a tile."""

    @property
    def count(self) -> int:
        """Number of parts."""
        return len(self.boxes)


async def find_parts(job: Job, index: int, regions_png: bytes) -> ImageParts:
    """Asks for the proposals of an image and for those inside its regions. Raises VisumError."""
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
