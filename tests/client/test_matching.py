"""What stays of the pairs of images once they are matched: the stored scores, and the way round of each."""

import asyncio
import itertools
import tracemalloc
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

import numpy as np
import pytest
from visum.v1 import common_pb2, proposal_pb2, proposal_pb2_grpc

from tests.support.memory import bytes_held_by
from tests.support.servers import running
from visum_client.calls import PureCalls
from visum_client.configuration import StepOptions
from visum_client.edges import BestScores
from visum_client.methods import DESCRIBE, MATCH
from visum_client.progress import Progress
from visum_client.remote import RemoteServices
from visum_client.scheduler import Services
from visum_client.stages import matching
from visum_client.stages.job import Job
from visum_client.stages.proposals import ImageParts
from visum_client.store import InMemory, Keeper, MemoryStore, Store
from visum_runtime.metrics import Metrics
from visum_runtime.server import Service
from visum_runtime.worker import Worker
from visum_wire import to_array

Result = TypeVar("Result")
PARTS = 128
"""Of all images together, so that the stored scores are equally many."""
STORED_BYTES = PARTS * PARTS * 8
SLACK_BYTES = 24_000
"""For what does not grow with the pairs: half of the smallest object for each of 1896 pairs."""
DIMENSIONS = 256


class EverythingMatches(proposal_pb2_grpc.ProposalServiceServicer):
    """Answers that all survivors match, mirrored if one image has a single one and the other more; keeps nothing."""

    async def Match(self, request, context):
        rows, columns = len(request.rows), len(request.columns)
        pairs = itertools.product(range(rows), range(columns)) if columns else itertools.combinations(range(rows), 2)
        return proposal_pb2.MatchResponse(pairs=[self._pair(request, *pair) for pair in pairs])

    def _pair(self, request, row: int, column: int) -> proposal_pb2.PairScores:
        images = request.rows[row], (request.columns or request.rows)[column]
        counts = [image.survivors.shape[0] for image in images]
        mirrored = min(counts) == 1 < max(counts)
        scores = to_array(np.ones(counts, np.float32))
        return proposal_pb2.PairScores(row=row, column=column, scores=scores, mirrored=mirrored)


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    service = Service(
        name="visum.v1.ProposalService",
        version="0.1.0",
        algorithm_version="1",
        add_to=lambda server: proposal_pb2_grpc.add_ProposalServiceServicer_to_server(EverythingMatches(), server),
        worker=Worker(threads=2),
        metrics=Metrics(),
    )
    with running(service) as server:
        yield f"127.0.0.1:{server.port}"


def image_with(parts: int, number: int) -> ImageParts:
    random = np.random.default_rng(number)
    corners = random.integers(0, 60, (parts, 2))
    boxes = np.concatenate([corners, corners + 30], axis=1).astype(np.int32)
    descriptors = to_array(random.normal(size=(parts, DIMENSIONS)).astype(np.float16))
    description = proposal_pb2.Description(boxes=to_array(boxes), descriptors=descriptors)
    indices = to_array(np.arange(parts, dtype=np.int32))
    survivors = proposal_pb2.SelectSurvivorsResponse(proposals=indices, descriptors=descriptors)
    described = InMemory(proposal_pb2.DescribeResponse(description=description))
    size = description.ByteSize()
    return ImageParts(number, boxes, np.ones(parts, np.int32), described, InMemory(survivors), size)


async def match(services: Services, store: Keeper, images: list[ImageParts]) -> BestScores:
    card = common_pb2.ModelCard(preprocessing=common_pb2.Preprocessing(crop=100))
    job = Job(
        card=card,
        target=0,
        images=(),
        options=StepOptions(),
        admit_unrecognized=False,
        calls=PureCalls(services, store),
        progress=Progress(visible=False),
    )
    return await matching.match(job, images)


async def connected(address: str, work: Callable[[Services], Awaitable[Result]]) -> Result:
    services = Services(RemoteServices({"proposals": address}))
    try:
        return await work(services)
    finally:
        await services.close()


async def held_after(services: Services, store: Keeper, images: list[ImageParts]) -> int:
    """Bytes that were allocated while matching, and stay as long as the store and the scores do."""
    tracemalloc.start()
    try:
        best = await match(services, store, images)
        held = bytes_held_by("*/visum_client/*", "*/visum_wire/*", "*/google/protobuf/*")
    finally:
        tracemalloc.stop()
    assert len(best.edges()[0])
    return held


def test_what_stays_of_16_times_the_pairs_are_the_scores_that_are_stored(address, tmp_path):
    """120 pairs of images of 8 parts, then 2016 pairs of images of 2."""
    store = Store(tmp_path)

    async def held(services: Services) -> list[int]:
        await match(services, store, [image_with(8, 1000 + number) for number in range(16)])
        classes = [[image_with(PARTS // count, number) for number in range(count)] for count in (16, 64)]
        return [await held_after(services, store, images) for images in classes]

    few, many = asyncio.run(connected(address, held))
    assert STORED_BYTES <= few < STORED_BYTES + SLACK_BYTES
    assert STORED_BYTES <= many < STORED_BYTES + SLACK_BYTES


def test_each_stored_score_says_whether_an_image_was_mirrored(address):
    """Nine images of two parts and one of a single part: more than one tile."""
    images = [image_with(1 if number == 8 else 2, number) for number in range(10)]
    best = asyncio.run(connected(address, lambda services: match(services, MemoryStore(), images)))
    sources, targets, _ = best.edges()
    assert len(sources) == 36 * 4 + 9 * 2
    ways = [best.is_mirrored(*pair) for pair in zip(sources.tolist(), targets.tolist(), strict=True)]
    assert ways == ((sources == 16) | (targets == 16)).tolist()


def test_answers_of_the_matching_do_not_stay_in_memory():
    store = MemoryStore()
    for method in (DESCRIBE, MATCH):
        store.put(method, "key", method.response())
    assert store.find(DESCRIBE, "key") is not None
    assert store.find(MATCH, "key") is None
