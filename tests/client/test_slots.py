import asyncio

import pytest

from visum_client.bounded import for_each
from visum_client.slots import REPLICA_MEMORY_SECONDS, Slots


async def taken(slots: Slots) -> int:
    """How many more calls get a slot at once."""
    async with asyncio.TaskGroup() as group:
        entered, leave = 0, asyncio.Event()

        async def call():
            nonlocal entered
            async with slots:
                entered += 1
                await leave.wait()

        for _ in range(100):
            group.create_task(call())
        for _ in range(5):
            await asyncio.sleep(0)
        count = entered
        leave.set()
    return count


async def test_each_replica_that_answers_adds_its_calls():
    slots = Slots(3)
    assert (slots.limit, await taken(slots)) == (3, 3)
    for name in ("a", "a", "b", "c"):
        slots.hear(name)
    assert (slots.replicas, slots.limit, await taken(slots)) == (3, 9, 9)


async def test_a_replica_that_is_silent_for_long_counts_no_more_and_comes_back():
    now = [0.0]
    slots = Slots(2, clock=lambda: now[0])
    slots.hear("a")
    slots.hear("b")
    assert await taken(slots) == 4
    now[0] = REPLICA_MEMORY_SECONDS + 1
    slots.hear("a")
    await taken(slots)  # a limit shrinks as calls end
    assert (slots.limit, await taken(slots)) == (2, 2)
    slots.hear("b")
    assert (slots.limit, await taken(slots)) == (4, 4)


async def test_a_limit_that_shrinks_waits_for_calls_in_flight():
    now = [0.0]
    slots = Slots(1, clock=lambda: now[0])
    slots.hear("a")
    slots.hear("b")
    await slots.__aenter__()
    await slots.__aenter__()
    now[0] = REPLICA_MEMORY_SECONDS + 1
    slots.hear("a")
    await slots.__aexit__(None, None, None)
    blocked = asyncio.ensure_future(slots.__aenter__())
    await asyncio.sleep(0)
    assert not blocked.done()
    await slots.__aexit__(None, None, None)
    await blocked


async def test_work_widens_as_its_limit_grows():
    limit, busy, most = 1, 0, 0

    async def work(item):
        nonlocal limit, busy, most
        busy += 1
        most = max(most, busy)
        await asyncio.sleep(0)
        limit = min(4, limit + 1)
        busy -= 1

    done = []

    async def recorded(item):
        await work(item)
        done.append(item)

    await for_each(range(50), lambda: limit, recorded)
    assert sorted(done) == list(range(50))
    assert most == 4


async def test_the_first_error_ends_the_work():
    async def work(item):
        if item == 3:
            raise KeyError(item)
        await asyncio.sleep(0)

    with pytest.raises(KeyError):
        await for_each(range(10), lambda: 2, work)
