"""The proposal service's calls: decode, compute, encode."""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import grpc
import numpy as np
from google.protobuf.message import Message
from numpy.typing import NDArray
from visum.v1 import common_pb2, proposal_pb2, proposal_pb2_grpc

from visum_proposals.boxes import Boxes
from visum_proposals.described_image import DescribedImage
from visum_proposals.descriptions import describe_survivors, describe_view
from visum_proposals.proposal_flow import MatchOptions, Method, PairScores, match_tile
from visum_proposals.rotation import Rotation
from visum_proposals.selective_search import MAX_BOXES_LIMIT, ProposalOptions
from visum_proposals.survivors import MAX_SURVIVORS_LIMIT, SurvivorOptions
from visum_proposals.whitening import Whitening
from visum_runtime.errors import InvalidInput
from visum_runtime.request_images import RequestImages
from visum_runtime.timing import timing_of
from visum_runtime.views import View
from visum_runtime.worker import Ticket, Worker
from visum_wire import from_array, regions_from_png, to_array

MAX_VIEW_SIDE_PX = 640
"""Selective search cannot be interrupted; on larger views it runs for tens of seconds."""
MAX_VOTING_BOXES = MAX_BOXES_LIMIT + MAX_SURVIVORS_LIMIT
MAX_COMPARISONS = 1 << 30
"""Pairs of voting boxes of a tile: about half a minute of work."""
_SCORE_BYTES = 4
_PAIR_OVERHEAD_BYTES = 48
_METHODS = {
    proposal_pb2.MatchOptions.METHOD_UNSPECIFIED: Method.LOM,
    proposal_pb2.MatchOptions.METHOD_LOM: Method.LOM,
    proposal_pb2.MatchOptions.METHOD_PHM: Method.PHM,
    proposal_pb2.MatchOptions.METHOD_NAM: Method.NAM,
}


@dataclass(frozen=True)
class _Tile:
    rows: list[DescribedImage]
    columns: list[DescribedImage] | None
    options: MatchOptions
    parities: NDArray[np.float32] | None
    rotation: Rotation | None


class ProposalServicer(proposal_pb2_grpc.ProposalServiceServicer):
    """Answers the calls of visum.v1.ProposalService.

    Args:
        worker: Where the work is done.
        whitening: Statistics of the descriptors.
        images: Makes views of the images of requests.
        max_answer_bytes: Largest answer to Match.
    """

    def __init__(self, worker: Worker, whitening: Whitening, images: RequestImages, max_answer_bytes: int) -> None:
        self._worker = worker
        self._whitening = whitening
        self._images = images
        self._max_answer_bytes = max_answer_bytes

    async def Describe(
        self, request: proposal_pb2.DescribeRequest, context: grpc.aio.ServicerContext
    ) -> proposal_pb2.DescribeResponse:
        options = ProposalOptions(**_set_fields(request.options))
        view = await self._view(request.image, request.preprocessing)
        done = await self._worker.compute(describe_view, view.pixels, view.image_sha256, options, self._whitening)
        description = proposal_pb2.Description(
            boxes=to_array(done.result.boxes), descriptors=to_array(done.result.descriptors)
        )
        return proposal_pb2.DescribeResponse(
            image_sha256=view.image_sha256, description=description, timing=timing_of(done)
        )

    async def SelectSurvivors(
        self, request: proposal_pb2.SelectSurvivorsRequest, context: grpc.aio.ServicerContext
    ) -> proposal_pb2.SelectSurvivorsResponse:
        options = SurvivorOptions(**_set_fields(request.options))
        view = await self._view(request.image, request.preprocessing)
        boxes = _boxes_within(request.boxes, view.side)
        regions = await asyncio.to_thread(regions_from_png, request.regions_png, "regions_png", (view.side, view.side))
        work = (view.pixels, boxes, regions, options, self._whitening)
        done = await self._worker.compute(describe_survivors, *work)
        found = done.result
        return proposal_pb2.SelectSurvivorsResponse(
            boxes=to_array(found.survivors.boxes),
            proposals=to_array(found.survivors.proposals),
            regions=to_array(found.survivors.regions),
            descriptors=to_array(found.descriptors),
            thumbnails=to_array(found.thumbnails),
            timing=timing_of(done),
        )

    async def Match(
        self, request: proposal_pb2.MatchRequest, context: grpc.aio.ServicerContext
    ) -> proposal_pb2.MatchResponse:
        self._check_answer_size(request)
        tile = await asyncio.to_thread(_tile, request, self._whitening)
        done = await self._worker.submit(_match, tile)
        pairs = [
            proposal_pb2.PairScores(
                row=pair.row,
                column=pair.column,
                scores=to_array(pair.scores),
                mirrored=pair.mirrored,
                rotation_degrees=pair.rotation_degrees,
            )
            for pair in done.result
        ]
        return proposal_pb2.MatchResponse(pairs=pairs, timing=timing_of(done))

    async def _view(self, image: common_pb2.Image, preprocessing: common_pb2.Preprocessing) -> View:
        if preprocessing.crop > MAX_VIEW_SIDE_PX:
            message = f"is {preprocessing.crop}, proposals are found in views of at most {MAX_VIEW_SIDE_PX} pixels"
            raise InvalidInput(message, field="preprocessing.crop")
        return await self._images.view(image, preprocessing)

    def _check_answer_size(self, request: proposal_pb2.MatchRequest) -> None:
        """Refuses a tile whose answer could not be sent, before any work is done for it."""
        rows = _survivor_counts(request.rows)
        columns = _survivor_counts(request.columns) if request.columns else None
        pairs = _products([1] * len(rows), None if columns is None else [1] * len(columns))
        size = _products(rows, columns) * _SCORE_BYTES + pairs * _PAIR_OVERHEAD_BYTES
        if size > self._max_answer_bytes:
            message = f"asks for an answer of {size} bytes, at most {self._max_answer_bytes} are allowed: cut the tile"
            raise InvalidInput(message, field="rows")


def _set_fields(options: Message) -> dict[str, Any]:
    """Fields of a request's options that are set; the others take their defaults."""
    return {descriptor.name: value for descriptor, value in options.ListFields()}


def _survivor_counts(images: Iterable[proposal_pb2.MatchImage]) -> list[int]:
    return [len(image.survivors.data) // np.dtype(np.int32).itemsize for image in images]


def _boxes_within(message: common_pb2.Array, side: int) -> Boxes:
    boxes: Boxes = from_array(message, "boxes", np.int32, [None, 4])
    if len(boxes) > MAX_BOXES_LIMIT:
        raise InvalidInput(f"has {len(boxes)} boxes, at most {MAX_BOXES_LIMIT} are allowed", field="boxes")
    if (boxes[:, :2] < 0).any() or (boxes[:, 2:] > side).any() or (boxes[:, 2:] <= boxes[:, :2]).any():
        raise InvalidInput(f"has a box that is empty or not within the view of {side} x {side} pixels", field="boxes")
    return boxes


def _products(rows: Sequence[int], columns: Sequence[int] | None) -> int:
    """Sum of row times column over the pairs of a tile; without columns, over the unordered pairs of rows."""
    if columns is None:
        return (sum(rows) ** 2 - sum(count**2 for count in rows)) // 2
    return sum(rows) * sum(columns)


def _tile(request: proposal_pb2.MatchRequest, whitening: Whitening) -> _Tile:
    options = _match_options(request.options)
    if not request.rows:
        raise InvalidInput("has no image, needs at least one", field="rows")
    first = tuple(request.rows[0].descriptors.shape)
    dimensions = first[1] if len(first) == 2 else None
    rows = [_described(image, f"rows[{i}]", dimensions) for i, image in enumerate(request.rows)]
    columns = [_described(image, f"columns[{i}]", dimensions) for i, image in enumerate(request.columns)]
    _check_comparisons(rows, columns or None)
    return _Tile(rows, columns or None, options, *_transforms(request.options, whitening, dimensions))


def _transforms(
    options: proposal_pb2.MatchOptions, whitening: Whitening, dimensions: int | None
) -> tuple[NDArray[np.float32] | None, Rotation | None]:
    """What mirrors and what rotates descriptors, where it is asked for."""
    if (options.mirror or options.rotate) and dimensions != len(whitening.parities):
        expected = len(whitening.parities)
        message = f"have {dimensions} dimensions, only those of Describe, {expected}, can be mirrored or rotated"
        raise InvalidInput(message, field="rows[0].descriptors")
    parities = whitening.parities if options.mirror else None
    return parities, Rotation.load(whitening.parities) if options.rotate else None


def _check_comparisons(rows: list[DescribedImage], columns: list[DescribedImage] | None) -> None:
    """Refuses a tile that would hold a worker for minutes."""
    column_boxes = None if columns is None else [len(image.boxes) for image in columns]
    comparisons = _products([len(image.boxes) for image in rows], column_boxes)
    if comparisons > MAX_COMPARISONS:
        message = f"asks for {comparisons} comparisons of boxes, at most {MAX_COMPARISONS} are allowed: cut the tile"
        raise InvalidInput(message, field="rows")


def _match_options(message: proposal_pb2.MatchOptions) -> MatchOptions:
    if message.method not in _METHODS:
        raise InvalidInput(f"is {message.method}, not a known method", field="options.method")
    return MatchOptions(_METHODS[message.method], message.min_score)


def _described(message: proposal_pb2.MatchImage, field: str, dimensions: int | None) -> DescribedImage:
    boxes: NDArray[np.int32] = from_array(message.boxes, f"{field}.boxes", np.int32, [None, 4])
    if len(boxes) > MAX_VOTING_BOXES:
        raise InvalidInput(f"has {len(boxes)} boxes, at most {MAX_VOTING_BOXES} are allowed", field=f"{field}.boxes")
    shape = [len(boxes), dimensions]
    descriptors = from_array(message.descriptors, f"{field}.descriptors", np.float16, shape)
    survivors = from_array(message.survivors, f"{field}.survivors", np.int32, [None])
    try:
        return DescribedImage(boxes, descriptors, survivors, message.view_side)
    except InvalidInput as error:
        raise InvalidInput(error.message, field=f"{field}.{error.field}") from error


def _match(tickets: Sequence[Ticket[_Tile]]) -> list[list[PairScores]]:
    (ticket,) = tickets
    tile = ticket.job
    return [match_tile(tile.rows, tile.columns, tile.options, tile.parities, tile.rotation, ticket.should_stop)]
