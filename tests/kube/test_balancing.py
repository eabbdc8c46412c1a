"""Real server processes behind one name, whose addresses come and go as those of a headless service."""

import asyncio
import json
import signal
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from visum.v1 import mask_pb2

from tests.support.names import served_name
from visum_client.hedging import HedgePolicy
from visum_client.methods import LIST_MODELS
from visum_client.remote import RemoteServices
from visum_client.scheduler import Services

ROOT = Path(__file__).resolve().parents[2]
HOURS = 3600
FIRST, SECOND, THIRD = "127.0.0.2", "127.0.0.3", "127.0.0.4"


class Replicas:
    """Server processes on loopback addresses, all on one port."""

    def __init__(self) -> None:
        self.port = free_port()
        self.processes: dict[str, subprocess.Popen] = {}
        self._listening: list[subprocess.Popen] = []

    def start(self, *addresses: str, **settings: object) -> None:
        """Starts replicas, one on each address."""
        flags = [f"--{name.replace('_', '-')}={value}" for name, value in settings.items()]
        for address in addresses:
            command = [
                sys.executable,
                "-m",
                "tests.support.replica",
                f"--host={address}",
                f"--port={self.port}",
                *flags,
            ]
            self.processes[address] = subprocess.Popen(
                command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            )

    def wait(self) -> None:
        """Waits until the replicas that were started listen."""
        for process in self.processes.values():
            if process not in self._listening:
                json.loads(process.stdout.readline())
                self._listening.append(process)

    def calls_of(self, address: str) -> Counter[str]:
        """Codes of the calls that a replica which has ended answered, by its log."""
        process = self.processes.pop(address)
        _, log = process.communicate(timeout=30)
        assert process.returncode == 0
        events = [json.loads(line) for line in log.splitlines()]
        return Counter(event["code"] for event in events if event["event"] == "call")


def free_port() -> int:
    """A port that is free on all loopback addresses, as good as certainly."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


@contextmanager
def replicas() -> Iterator[Replicas]:
    started = Replicas()
    try:
        yield started
    finally:
        for process in started.processes.values():
            process.kill()
            process.communicate()


@contextmanager
def caller(target: str, policy: HedgePolicy | None = None) -> Iterator[Services]:
    yield Services(RemoteServices({"mask": target}), hedge_policy=policy)


async def ask(services: Services) -> str:
    """The address of the replica that answered."""
    answer = await services.call(LIST_MODELS, mask_pb2.ListModelsRequest())
    return answer.models[0].architecture


async def until_answered_by(services: Services, address: str) -> None:
    async with asyncio.TaskGroup() as group:
        for _ in range(4):
            group.create_task(_ask_until(services, address))


async def _ask_until(services: Services, address: str) -> None:
    while await ask(services) != address:
        pass


async def test_a_new_replica_gets_work_and_more_calls_are_in_flight():
    with replicas() as servers, served_name(FIRST) as name:
        servers.start(FIRST, SECOND, max_connection_age_seconds=1)
        servers.wait()
        with caller(name.target(servers.port)) as services:
            assert {await ask(services) for _ in range(4)} == {FIRST}
            connection = await services.connection("mask")
            alone = connection.in_flight
            name.addresses.append(SECOND)
            await asyncio.wait_for(until_answered_by(services, SECOND), 30)
            assert connection.in_flight == 2 * alone
            await services.close()


@pytest.mark.long
async def test_without_renewed_connections_a_new_replica_gets_nothing():
    with replicas() as servers, served_name(FIRST) as name:
        servers.start(FIRST, SECOND, max_connection_age_seconds=HOURS, seconds=0)
        servers.wait()
        with caller(name.target(servers.port)) as services:
            await ask(services)
            name.addresses.append(SECOND)
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(until_answered_by(services, SECOND), 3)
            await services.close()


async def test_a_removed_replica_loses_nothing():
    calls = 120
    with replicas() as servers, served_name(FIRST, SECOND) as name:
        servers.start(FIRST, SECOND, threads=2)
        servers.wait()
        with caller(name.target(servers.port)) as services:
            asking = [asyncio.create_task(ask(services)) for _ in range(calls)]
            await asyncio.wait(asking, return_when=asyncio.FIRST_COMPLETED)
            name.addresses.remove(SECOND)
            servers.processes[SECOND].send_signal(signal.SIGTERM)
            answers = Counter(await asyncio.gather(*asking))
            await services.close()
        codes = await asyncio.to_thread(servers.calls_of, SECOND)
    assert answers.total() == calls
    assert answers[FIRST] > answers[SECOND] > 0
    assert set(codes) == {"OK"}


@pytest.mark.parametrize("stalled_from_the_start", [True, False])
async def test_a_replica_that_hangs_does_not_stall_the_others(stalled_from_the_start):
    """Its calls are made again elsewhere: all answers come although it never gives one more."""
    policy = HedgePolicy(least_seconds=0.05, answers=4)
    with replicas() as servers, served_name(FIRST, SECOND, THIRD) as name:
        servers.start(FIRST, SECOND)
        servers.start(THIRD, seconds=HOURS if stalled_from_the_start else 0.05)
        servers.wait()
        with caller(name.target(servers.port), policy) as services:
            if not stalled_from_the_start:
                await asyncio.gather(*(ask(services) for _ in range(12)))
                servers.processes[THIRD].send_signal(signal.SIGSTOP)
            answers = await asyncio.wait_for(asyncio.gather(*(ask(services) for _ in range(60))), 60)
            with suppress(TimeoutError):
                await asyncio.wait_for(services.close(), 5)
    assert set(answers) == {FIRST, SECOND}
