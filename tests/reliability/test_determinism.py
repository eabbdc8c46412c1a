"""The same summaries, whatever the number of workers and the order in which they answer."""

import asyncio
import contextlib
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from visum.v1 import mask_pb2_grpc

from tests.client.conftest import OPTIONS
from tests.client.test_processes import check_same, undisturbed
from tests.support.forwarding_mask import ForwardingMask
from tests.support.servers import RunningServer, running
from visum_client import Client, Run
from visum_client.commands.run import parse_options
from visum_mask.server import MaskServerSettings
from visum_mask.server import build as build_mask
from visum_proposals.server import build as build_proposals
from visum_runtime.metrics import Metrics
from visum_runtime.server import Service
from visum_runtime.settings import ServerSettings
from visum_runtime.worker import Worker

__all__ = ["undisturbed"]

LONGEST_DELAY_SECONDS = 0.3


class Delaying(ForwardingMask):
    """A mask worker that holds each answer back for a random time."""

    def __init__(self, worker: RunningServer, chance: random.Random) -> None:
        super().__init__(f"127.0.0.1:{worker.port}")
        self._chance = chance

    async def ExtractMask(self, request, context):
        answer = await super().ExtractMask(request, context)
        await asyncio.sleep(self._chance.uniform(0, LONGEST_DELAY_SECONDS))
        return answer

    def service(self, algorithm_version: str) -> Service:
        return Service(
            name="visum.v1.MaskService",
            version="0.1.0",
            algorithm_version=algorithm_version,
            add_to=lambda server: mask_pb2_grpc.add_MaskServiceServicer_to_server(self, server),
            worker=Worker(threads=1),
            metrics=Metrics(),
        )


@contextlib.contextmanager
def workers(services, network: Path, count: int, seed: int) -> Iterator[str]:
    """Addresses of so many mask and proposal workers."""
    chance = random.Random(seed)
    settings = MaskServerSettings(port=0, model_dir=str(network.parent), trust_model_dir=True)
    plain = ServerSettings(port=0)
    with contextlib.ExitStack() as stack:
        masks, proposals = [], []
        for _ in range(count):
            service = build_mask(settings)
            worker = stack.enter_context(running(service, settings))
            masks.append(stack.enter_context(running(Delaying(worker, chance).service(service.algorithm_version))).port)
            proposals.append(stack.enter_context(running(build_proposals(plain), plain)).port)
        clustering = services.servers["clustering"].port
        yield f"mask={together(masks)},proposals={together(proposals)},clustering=127.0.0.1:{clustering}"


def together(ports: list[int]) -> str:
    """The target of gRPC that spreads calls over these ports of this machine."""
    return "ipv4:" + ",".join(f"127.0.0.1:{port}" for port in ports)


@pytest.mark.parametrize(
    ("times", "counts"),
    [pytest.param(1, (2,), id="two"), pytest.param(10, (1, 2, 4), id="full", marks=pytest.mark.long)],
)
def test_summaries_do_not_depend_on_workers_or_the_order_of_their_answers(
    times, counts, repetitions, services, network, pictures, undisturbed: Run, tmp_path
):
    for number in repetitions("the same class on 1, 2 and 4 workers that answer in random order", times):
        for count in counts:
            out = tmp_path / f"{number}-{count}"
            order = {"model": network, "target": "striped", "images": pictures, "out": out, "progress": False}
            with workers(services, network, count, number) as addresses, Client.connect(addresses) as client:
                client.summarize(**order, **parse_options(list(OPTIONS)))
            check_same(out, undisturbed)
