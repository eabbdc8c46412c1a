"""One caller cannot starve another: turns in the queue, room in the queue, calls in flight."""

import asyncio
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise

import grpc
import pytest
from google.rpc import error_details_pb2
from hypothesis import given
from hypothesis import strategies as st
from visum.v1 import mask_pb2

from tests.support.authorities import GREEDY_TOKEN, MODEST_TOKEN, Authority, tls_settings, with_token
from tests.support.errors import detail
from tests.support.servers import running
from tests.support.waiting_service import WaitingService, ask, ask_once, caller, until
from visum_client.methods import LIST_MODELS
from visum_runtime.fair_queue import FairQueue

GREEDY, MODEST = "token greedy", "token modest"


@dataclass(frozen=True)
class Two:
    """Settings of a server for two callers, and their credentials."""

    settings: object
    greedy: object
    modest: object


@pytest.fixture
def two(tmp_path) -> Two:
    authority = Authority(tmp_path)
    (tmp_path / "tokens").write_text(f"greedy:{GREEDY_TOKEN}\nmodest:{MODEST_TOKEN}\n")
    settings = tls_settings(authority.issue("server"), token_file=str(tmp_path / "tokens"), max_calls_per_caller=12)
    return Two(settings, with_token(authority, tmp_path, GREEDY_TOKEN), with_token(authority, tmp_path, MODEST_TOKEN))


async def attempt(channel: grpc.aio.Channel, **options):
    """One call, not tried again."""
    serializer, deserializer = LIST_MODELS.request.SerializeToString, LIST_MODELS.response.FromString
    stub = channel.unary_unary(LIST_MODELS.path, request_serializer=serializer, response_deserializer=deserializer)
    return await stub(mask_pb2.ListModelsRequest(), timeout=30, **options)


def retry_time(error: grpc.aio.AioRpcError) -> float:
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    delay = detail(error, error_details_pb2.RetryInfo()).retry_delay
    return delay.seconds + delay.nanos / 1e9


async def test_a_modest_caller_is_served_next_and_finds_room_in_a_queue_that_another_has_filled(two):
    service = WaitingService(capacity=4)
    with running(service.service(), two.settings) as server:
        target = f"localhost:{server.port}"
        async with (
            grpc.aio.secure_channel(target, two.greedy.for_channel()) as greedy,
            grpc.aio.secure_channel(target, two.modest.for_channel()) as modest,
        ):
            calls = [asyncio.create_task(attempt(greedy))]
            await until(service.entered.is_set)
            calls += [asyncio.create_task(attempt(greedy)) for _ in range(4)]
            await until(lambda: len(service.asked) == 5)
            calls.append(asyncio.create_task(attempt(modest)))
            done, _ = await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
            (made_room,) = done
            assert retry_time(made_room.exception()) > 0
            service.gate.set()
            answers = await asyncio.gather(*calls, return_exceptions=True)
    assert [name for name, _ in service.served] == [GREEDY, MODEST, GREEDY, GREEDY, GREEDY]
    assert answers[-1].models[0].architecture == MODEST


async def test_calls_of_one_caller_in_flight_are_limited_and_others_are_not(two):
    service = WaitingService(capacity=100)
    with running(service.service(), two.settings) as server:
        async with grpc.aio.secure_channel(f"localhost:{server.port}", two.greedy.for_channel()) as greedy:
            calls = [asyncio.create_task(attempt(greedy)) for _ in range(13)]
            done, waiting = await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
            (refused,) = done
            assert retry_time(refused.exception()) > 0
            assert "12 calls of this caller are in flight" in refused.exception().details()
            modest = asyncio.create_task(ask_once(server.port, two.modest))
            await until(lambda: MODEST in service.asked)
            service.gate.set()
            assert await modest == MODEST
            assert len(await asyncio.gather(*waiting)) == 12
            assert (await attempt(greedy)).models[0].architecture == GREEDY, "what is answered counts no more"


async def test_a_greedy_and_a_modest_client_share_a_small_queue(two):
    """All calls of both are answered; the modest one waits for at most two of the greedy one's each time."""
    service = WaitingService(capacity=4)
    service.gate.set()
    with running(service.service(), two.settings) as server:
        greedy, modest = caller(server.port, two.greedy), caller(server.port, two.modest)
        asking = [asyncio.create_task(attempt_until_served(greedy)) for _ in range(60)]
        for _ in range(10):
            assert await ask(modest) == MODEST
        answers = Counter(await asyncio.gather(*asking))
        await greedy.close()
        await modest.close()
    assert answers == {GREEDY: 60}
    order = [name for name, _ in service.served]
    waited = [order[before:at].count(GREEDY) for at, (name, before) in enumerate(service.served) if name == MODEST]
    assert len(waited) == 10
    assert max(waited) <= 2


async def attempt_until_served(services) -> str:
    """A call beyond what a well-behaved client keeps in flight, tried again as often as it is refused."""
    connection = await services.connection("mask")
    while True:
        try:
            return (await attempt(connection.channel)).models[0].architecture
        except grpc.aio.AioRpcError as error:
            await asyncio.sleep(retry_time(error) / 10)


@dataclass(eq=False)
class Entry:
    caller: str
    number: int
    key: str | None = None


@given(st.lists(st.sampled_from("aaaab"), max_size=60), st.integers(1, 7))
def test_each_caller_has_its_share_of_the_room_and_its_order_is_kept(callers, capacity):
    queue: FairQueue[Entry] = FairQueue(capacity)
    for number, name in enumerate(callers):
        queue.push(Entry(name, number))
        assert len(queue) <= capacity
    waiting = Counter(entry.caller for entry in queue)
    for name, pushed in Counter(callers).items():
        assert waiting[name] >= min(pushed, capacity // 2)
    taken = [queue.pop() for _ in range(len(queue))]
    for name in "ab":
        numbers = [entry.number for entry in taken if entry.caller == name]
        assert numbers == sorted(numbers)
    turns = [entry.caller for entry in taken]
    both = 2 * min(waiting["a"], waiting["b"])
    assert all(first != second for first, second in pairwise(turns[:both]))


def test_a_caller_alone_has_the_whole_queue_and_a_batch_takes_callers_in_turn():
    queue: FairQueue[Entry] = FairQueue(6)
    entries = [Entry("a", number, "k") for number in range(6)]
    assert [queue.push(entry) for entry in entries] == [None] * 6
    late = Entry("a", 6, "k")
    assert queue.push(late) is late
    assert queue.push(other := Entry("b", 7, "k")) is entries[5]
    assert queue.pop_with("k", 3) == [entries[0], other, entries[1]]
    assert queue.pop_with("other", 3) == []
    assert queue.remove_where(lambda entry: entry.number == 3) == [entries[3]]
    assert list(queue) == [entries[2], entries[4]]


def test_who_comes_back_each_time_does_not_jump_the_queue():
    """A caller that never lets its one place lie idle gets every other turn, not every one."""
    queue: FairQueue[Entry] = FairQueue(10)
    for number in range(4):
        queue.push(Entry("patient", number))
    turns = []
    for number in range(6):
        queue.push(Entry("eager", number))
        turns.append(queue.pop().caller)
    assert turns == ["patient", "eager", "patient", "eager", "patient", "eager"]
