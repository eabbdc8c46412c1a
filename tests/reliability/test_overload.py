"""Too many clients for one worker."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import grpc
import psutil
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from visum.v1 import mask_pb2

from tests.conftest import ROOT
from tests.support.waiting_service import caller
from visum_client.methods import LIST_MODELS

QUEUE = 4
MEBIBYTE = 1 << 20
MOST_GROWTH = 100 * MEBIBYTE


@contextmanager
def overloaded_server() -> Iterator[tuple[psutil.Process, dict]]:
    """A server process with one thread and a small queue; its ports."""
    flags = ["--port=0", "--health-port=0", f"--queue-capacity={QUEUE}", "--seconds=0.02", "--log-level=error"]
    command = [sys.executable, "-m", "tests.support.replica", *flags]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE) as server:
        try:
            yield psutil.Process(server.pid), json.loads(server.stdout.readline())
        finally:
            server.kill()


async def ask_alone(port: int) -> str:
    """One call of a client of its own, tried again for as long as it takes."""
    services = caller(port, None, patience=120)
    try:
        answer = await services.call(LIST_MODELS, mask_pb2.ListModelsRequest())
        return answer.models[0].architecture
    finally:
        await services.close()


@pytest.mark.parametrize(
    ("clients", "health_seconds"),
    [pytest.param(30, 20.0, id="few"), pytest.param(200, 1.0, id="full", marks=pytest.mark.long)],
)
async def test_many_clients_at_once_are_all_served_in_the_end(clients, health_seconds, repetitions):
    for _ in repetitions("200 clients at once, one worker, a queue of four: all served, health within 1 s", 1):
        with overloaded_server() as (process, ports):
            before = process.memory_info().rss
            async with grpc.aio.insecure_channel(f"127.0.0.1:{ports['health_port']}") as channel:
                probe = health_pb2_grpc.HealthStub(channel)
                request = health_pb2.HealthCheckRequest(service="readiness")
                calls = asyncio.gather(*(ask_alone(ports["port"]) for _ in range(clients)))
                checks = 0
                while not calls.done():
                    answer = await probe.Check(request, timeout=health_seconds)
                    assert answer.status == health_pb2.HealthCheckResponse.SERVING
                    checks += 1
                    await asyncio.wait([calls], timeout=0.1)
            assert len(await calls) == clients
            assert checks > 1
            assert process.memory_info().rss - before < MOST_GROWTH
