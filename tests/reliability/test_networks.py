"""Networks that cut, refuse, say nothing, or know no name: calls are answered in the end."""

import asyncio
import random

import pytest

from tests.support.names import served_name
from tests.support.servers import running
from tests.support.tcp_proxy import proxied
from tests.support.waiting_service import WaitingService, ask, caller, until
from visum_client.remote import RemoteServices
from visum_client.scheduler import Services
from visum_runtime.settings import ServerSettings

SETTINGS = ServerSettings(port=0, drain_seconds=5)


def counts(full: int):
    return pytest.mark.parametrize(
        "times", [pytest.param(1, id="once"), pytest.param(full, id="full", marks=pytest.mark.long)]
    )


def passing() -> WaitingService:
    service = WaitingService(threads=4)
    service.gate.set()
    return service


@counts(50)
async def test_connections_that_are_cut_lose_no_call(times, repetitions):
    for number in repetitions("connections cut at random moments, 40 calls in flight", times):
        chance = random.Random(number)
        service = WaitingService()
        with running(service.service(), SETTINGS) as server, proxied(server.port) as proxy:
            client = caller(proxy.port, None)
            calls = [asyncio.create_task(ask(client)) for _ in range(40)]
            await until(lambda asked=service.asked: asked)
            proxy.cut()
            service.gate.set()
            for least in sorted(chance.choices(range(1, 40), k=3)):
                await until(lambda served=service.served, least=least: len(served) >= least)
                proxy.cut()
            answers = await asyncio.gather(*calls)
            await client.close()
        assert len(answers) == 40
        assert proxy.connections >= 3


@pytest.mark.parametrize(
    "seconds", [pytest.param(0.5, id="short"), pytest.param(60, id="full", marks=pytest.mark.long)]
)
async def test_a_network_that_is_gone_for_a_while_is_waited_for(seconds, repetitions):
    """With the patience that a client has on its own, a minute and what the attempts themselves take."""
    for _ in repetitions("no network for 60 seconds", 1):
        service = passing()
        with running(service.service(), SETTINGS) as server, proxied(server.port) as proxy:
            client = caller(proxy.port, None, patience=seconds + 60)
            assert await ask(client)
            proxy.refuse(True)
            calls = [asyncio.create_task(ask(client)) for _ in range(8)]
            await asyncio.wait(calls, timeout=seconds)
            assert not any(task.done() for task in calls)
            proxy.refuse(False)
            assert len(await asyncio.gather(*calls)) == 8
            await client.close()


@counts(20)
async def test_a_host_that_vanishes_without_a_word_is_noticed(times, repetitions, monkeypatch):
    """The connection stays open and nothing comes: signs of life are missed, and the call is made again."""
    monkeypatch.setattr("visum_client.channels.KEEPALIVE_MS", 200)
    for _ in repetitions("half-open connections", times):
        service = passing()
        with running(service.service(), SETTINGS) as server, proxied(server.port) as proxy:
            client = caller(proxy.port, None)
            assert await ask(client)
            proxy.silence(True)
            call = asyncio.create_task(ask(client))
            await asyncio.wait_for(until(lambda proxy=proxy: proxy.connections >= 2), 20)
            proxy.silence(False)
            assert await call
            await client.close()


@counts(20)
async def test_a_name_that_is_unknown_for_a_while_is_asked_for_again(times, repetitions):
    for _ in repetitions("name resolution failing, then back", times):
        service = passing()
        with running(service.service(), SETTINGS) as server, served_name() as name:
            client = Services(RemoteServices({"mask": name.target(server.port)}), unavailable_seconds=60)
            call = asyncio.create_task(ask(client))
            await until(lambda name=name: name.questions)
            name.addresses.append("127.0.0.1")
            assert await call
            await client.close()
