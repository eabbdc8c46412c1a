import asyncio
import math

import pytest

from visum_client.lost_workers import MOST_TRIES_ALONE, Company, Losses


def bearing(company: int) -> Losses:
    """Losses of a call that bears so many calls, itself included, of sixteen."""
    return Losses(in_company={16: 0, 4: 1, 1: 2}[company])


def test_a_call_that_loses_workers_goes_with_fewer_others_and_then_alone():
    losses, seen = Losses(), []
    while not losses.is_to_blame:
        seen.append(losses.company(100))
        losses.add(seen[-1])
    assert seen == [math.inf, 25, 6] + [1] * MOST_TRIES_ALONE
    assert losses.total == len(seen)


@pytest.mark.parametrize(
    ("lost", "answered", "tries"), [(0, 100, 3), (0, 5, 4), (2, 9, 5), (10, 10, 8), (0, 0, 8)], ids=str
)
def test_how_often_is_enough_depends_on_what_befell_others(lost, answered, tries):
    losses = Losses(in_company=1, others_lost=lost, others_answered=answered)
    while not losses.is_to_blame:
        losses.add(1)
    assert losses.alone == tries


async def test_only_what_befell_others_while_a_call_waited_counts():
    company, losses, other = Company(), Losses(), Losses()
    async with company.joined(losses, 16):
        company.note_answer()
    assert company.lose(losses, 16) is False
    company.lose(other, 16)
    company.look_at_others(losses)
    company.note_answer()
    company.note_answer()
    company.lose(other, 16)
    async with company.joined(losses, 16):
        pass
    assert (losses.others_lost, losses.others_answered) == (1, 2)


def test_calls_to_blame_one_after_the_other_accuse_the_service():
    company = Company()
    for call in range(4):
        assert not company.is_service_to_blame, call
        losses = Losses(in_company=1)
        while not company.lose(losses, 1):
            pass
    assert company.is_service_to_blame
    company.note_answer()
    assert not company.is_service_to_blame


async def test_who_must_be_alone_waits_until_all_have_left_and_holds_up_those_who_come_later():
    company, order = Company(), []
    may_leave = {name: asyncio.Event() for name in "abcd"}

    async def call(name: str, most: int) -> None:
        async with company.joined(bearing(most), 16):
            order.append(f"{name} in")
            await may_leave[name].wait()
            order.append(f"{name} out")

    async with asyncio.TaskGroup() as group:
        for name, most in (("a", 16), ("b", 16), ("c", 1), ("d", 16)):
            group.create_task(call(name, most))
            await asyncio.sleep(0)
        for name in "abcd":
            may_leave[name].set()
    assert order[:2] == ["a in", "b in"]
    assert set(order[2:4]) == {"a out", "b out"}
    assert order[4:] == ["c in", "c out", "d in", "d out"]


async def test_the_company_that_one_call_bears_holds_for_the_others():
    company, most_in, count = Company(), 0, 0

    async def call(most: int) -> None:
        nonlocal most_in, count
        async with company.joined(bearing(most), 16):
            count += 1
            most_in = max(most_in, count)
            await asyncio.sleep(0)
            count -= 1

    await asyncio.gather(*(call(most) for most in (16, 1, 16)))
    assert most_in == 1
    await asyncio.gather(*(call(4) for _ in range(6)))
    assert most_in == 4


async def test_a_wait_that_is_cancelled_lets_the_next_one_in():
    company = Company()
    async with company.joined(bearing(16), 16):
        waiting = asyncio.create_task(company.joined(bearing(1), 16).__aenter__())
        await asyncio.sleep(0)
        waiting.cancel()
        async with asyncio.timeout(10), company.joined(bearing(16), 16):
            assert waiting.cancelled()


def test_a_call_that_is_answered_or_lost_is_a_sign_that_the_service_is_there():
    company = Company()
    assert company.latest_sign == -math.inf
    company.lose(Losses(), 16)
    first = company.latest_sign
    company.note_answer()
    assert -math.inf < first <= company.latest_sign
