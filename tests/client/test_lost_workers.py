import asyncio
import math

from visum_client.lost_workers import TRIES_ALONE, Company, Losses


def test_a_call_that_loses_workers_goes_with_fewer_others_and_then_alone():
    losses, seen = Losses(), []
    while not losses.is_to_blame:
        seen.append(losses.company(100))
        losses.add(seen[-1])
    assert seen == [math.inf, 25, 6] + [1] * TRIES_ALONE
    assert losses.total == len(seen)


async def test_who_must_be_alone_waits_until_all_have_left_and_holds_up_those_who_come_later():
    company, order = Company(), []
    may_leave = {name: asyncio.Event() for name in "abcd"}

    async def call(name: str, most: float) -> None:
        async with company.joined(most):
            order.append(f"{name} in")
            await may_leave[name].wait()
            order.append(f"{name} out")

    async with asyncio.TaskGroup() as group:
        for name, most in (("a", math.inf), ("b", math.inf), ("c", 1), ("d", math.inf)):
            group.create_task(call(name, most))
            await asyncio.sleep(0)
        for name in "abcd":
            may_leave[name].set()
    assert order[:2] == ["a in", "b in"]
    assert set(order[2:4]) == {"a out", "b out"}
    assert order[4:] == ["c in", "c out", "d in", "d out"]


async def test_the_company_that_one_call_bears_holds_for_the_others():
    company, most_in, count = Company(), 0, 0

    async def call(most: float) -> None:
        nonlocal most_in, count
        async with company.joined(most):
            count += 1
            most_in = max(most_in, count)
            await asyncio.sleep(0)
            count -= 1

    await asyncio.gather(*(call(most) for most in (math.inf, 2, math.inf)))
    assert most_in == 2
    await asyncio.gather(*(call(3) for _ in range(5)))
    assert most_in == 3


async def test_a_wait_that_is_cancelled_lets_the_next_one_in():
    company = Company()
    async with company.joined(math.inf):
        waiting = asyncio.create_task(company.joined(1).__aenter__())
        await asyncio.sleep(0)
        waiting.cancel()
        async with asyncio.timeout(10), company.joined(math.inf):
            pass
