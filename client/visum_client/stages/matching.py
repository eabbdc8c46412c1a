"""The match scores between the parts of all images."""

import asyncio
from collections.abc import Iterable, Sequence
from functools import partial
from itertools import accumulate, combinations, product

import numpy as np
from numpy.typing import NDArray
from visum.v1 import proposal_pb2

from visum_client.bounded import for_each
from visum_client.edges import BestScores
from visum_client.methods import MATCH
from visum_client.stages.job import Job
from visum_client.stages.proposals import ImageParts
from visum_client.tiles import Cost, Tile, tiles
from visum_wire import InvalidInput, from_array, to_array

STAGE = "matching"
TileScores = tuple[NDArray[np.float32], NDArray[np.bool_]]
"""Scores of all parts of a tile's rows with all parts of its columns, and whether one of their images was mirrored."""


async def match(job: Job, images: Sequence[ImageParts]) -> BestScores:
    """The best scores of each part; parts are numbered through the images in order. Raises VisumError."""
    starts = [0, *accumulate(parts.count for parts in images)]
    best = BestScores(starts[-1])
    adding = asyncio.Lock()
    cut = list(tiles([Cost(parts.match_bytes, parts.count) for parts in images]))

    async def work(tile: Tile) -> None:
        scores, mirrored = await _scores(job, images, tile)
        rows, columns = (slice(starts[side.start], starts[side.stop]) for side in (tile.rows, tile.columns))
        async with adding:
            await asyncio.to_thread(best.add, rows, columns, scores, mirrored)
            if not tile.is_diagonal:
                await asyncio.to_thread(best.add, columns, rows, scores.T, mirrored.T)
        job.progress.advance(STAGE)

    with job.progress.stage(STAGE, len(cut)):
        await for_each(cut, await job.in_flight(MATCH.service), work)
    return best


async def _scores(job: Job, images: Sequence[ImageParts], tile: Tile) -> TileScores:
    request = await asyncio.to_thread(_request, job, images, tile)
    decode = partial(_decode, images, tile)
    scores, _ = await job.calls.call(MATCH, request, decode, on_reused=partial(job.progress.reuse, STAGE))
    return scores


def _request(job: Job, images: Sequence[ImageParts], tile: Tile) -> proposal_pb2.MatchRequest:
    return proposal_pb2.MatchRequest(
        rows=_match_images(job, images, tile.rows),
        columns=[] if tile.is_diagonal else _match_images(job, images, tile.columns),
        options=job.options.match.to_message(),
    )


def _match_images(job: Job, images: Sequence[ImageParts], which: Iterable[int]) -> list[proposal_pb2.MatchImage]:
    return [_match_image(images[index], job.view_side) for index in which]


def _match_image(parts: ImageParts, view_side: int) -> proposal_pb2.MatchImage:
    """All boxes that vote: the proposals, then the regions' own boxes among the survivors."""
    assert parts.described is not None, "parts that are matched come from proposals"
    described, survivors = parts.described.load().description, parts.survivors.load()
    boxes = from_array(described.boxes, "boxes", "int32", (None, 4))
    descriptors = from_array(described.descriptors, "descriptors", "float16", (len(boxes), None))
    proposals = from_array(survivors.proposals, "proposals", "int32", (parts.count,))
    own = proposals < 0
    own_descriptors = from_array(survivors.descriptors, "descriptors", "float16", (parts.count, None))[own]
    if not len(boxes):
        descriptors = descriptors.reshape(0, own_descriptors.shape[1])
    indices = proposals.copy()
    indices[own] = len(boxes) + np.arange(np.count_nonzero(own))
    return proposal_pb2.MatchImage(
        boxes=to_array(np.concatenate([boxes, parts.boxes[own]])),
        descriptors=to_array(np.concatenate([descriptors, own_descriptors])),
        survivors=to_array(indices),
        view_side=view_side,
    )


def _decode(images: Sequence[ImageParts], tile: Tile, response: proposal_pb2.MatchResponse) -> TileScores:
    """The scores of a tile; 0 within an image."""
    pairs = combinations(tile.rows, 2) if tile.is_diagonal else product(tile.rows, tile.columns)
    answered = [(pair.row + tile.rows.start, pair.column + tile.columns.start) for pair in response.pairs]
    if answered != list(pairs):
        raise InvalidInput("does not hold each pair of the tile once", field="pairs")
    row_starts, column_starts = (
        [0, *accumulate(images[index].count for index in side)] for side in (tile.rows, tile.columns)
    )
    scores = np.zeros((row_starts[-1], column_starts[-1]), dtype=np.float32)
    mirrored = np.zeros(scores.shape, dtype=np.bool_)
    for pair in response.pairs:
        rows = slice(row_starts[pair.row], row_starts[pair.row + 1])
        columns = slice(column_starts[pair.column], column_starts[pair.column + 1])
        shape = (rows.stop - rows.start, columns.stop - columns.start)
        scores[rows, columns] = from_array(pair.scores, "pairs.scores", "float32", shape)
        mirrored[rows, columns] = pair.mirrored
    return (scores + scores.T, mirrored | mirrored.T) if tile.is_diagonal else (scores, mirrored)
