"""Too many clients for one worker."""

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import pytest
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


@contextmanager
def probing(port: int, seconds: float) -> Iterator[subprocess.Popen]:
    """A process that asks for health, which must be answered within so many seconds; it has begun."""
    command = [sys.executable, "-m", "tests.support.prober", str(port), str(seconds)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, cwd=ROOT, text=True, **pipes) as probe:
        try:
            assert probe.stdout.readline()
            yield probe
        finally:
            probe.kill()


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
    """Health is asked for by a process of its own: two hundred clients keep the event loop of this one busy."""
    for _ in repetitions("200 clients at once, one worker, a queue of four: all served, health within 1 s", 1):
        with (
            overloaded_server() as (process, ports),
            probing(ports["health_port"], health_seconds) as probe,
        ):
            before = process.memory_info().rss
            architectures = await asyncio.gather(*(ask_alone(ports["port"]) for _ in range(clients)))
            assert len(architectures) == clients
            assert process.memory_info().rss - before < MOST_GROWTH
            times, faults = await asyncio.to_thread(probe.communicate, "")
            assert probe.returncode == 0, faults
            assert len(times.split()) > 1
