import asyncio

import pytest

from visum_client.hedging import HedgePolicy, Hedging

POLICY = HedgePolicy(times_typical=2.0, least_seconds=0.001, answers=3)


def always() -> int:
    return 10


async def known(policy: HedgePolicy = POLICY) -> Hedging:
    """Hedging that knows that answers take no time."""
    hedging = Hedging(policy)
    for _ in range(policy.answers):
        assert await hedging.first_answer(instant, always) == "at once"
    return hedging


async def instant() -> str:
    return "at once"


class Hanging:
    """Attempts that hang, but for the one that answers."""

    def __init__(self, answers_at: int) -> None:
        self.attempts = self.cancelled = 0
        self._answers_at = answers_at

    async def __call__(self) -> str:
        self.attempts += 1
        if self.attempts == self._answers_at:
            return f"attempt {self.attempts}"
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            self.cancelled += 1
            raise


async def test_a_call_that_hangs_gets_another_attempt_and_the_first_answer_counts():
    hedging, hanging = await known(), Hanging(answers_at=2)
    assert await hedging.first_answer(hanging, always) == "attempt 2"
    assert (hanging.attempts, hanging.cancelled) == (2, 1)


async def test_a_second_attempt_that_hangs_is_given_up_for_another_and_the_first_left_running():
    hedging = await known()
    attempts, given_up, fourth = [], [], asyncio.Event()

    async def attempt() -> str:
        number = len(attempts) + 1
        attempts.append(number)
        if number == 4:
            fourth.set()
        try:
            await (fourth if number == 1 else asyncio.Event()).wait()
        except asyncio.CancelledError:
            given_up.append(number)
            raise
        return f"attempt {number}"

    assert await hedging.first_answer(attempt, always) == "attempt 1"
    assert given_up == [2, 3, 4]


async def test_nothing_is_tried_twice_before_it_is_known_what_is_typical():
    hanging = Hanging(answers_at=2)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(Hedging(POLICY).first_answer(hanging, always), 0.05)
    assert (hanging.attempts, hanging.cancelled) == (1, 1)


async def test_no_more_calls_are_made_twice_than_allowed():
    hedging, alone = await known(), Hanging(answers_at=2)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(hedging.first_answer(alone, lambda: 0), 0.05)
    assert alone.attempts == 1


async def test_an_error_is_raised_only_where_no_attempt_is_left():
    hedging = await known()
    second_started = asyncio.Event()
    attempts = 0

    async def attempt() -> str:
        nonlocal attempts
        attempts += 1
        if attempts == 1:
            await second_started.wait()
            raise KeyError("the first")
        second_started.set()
        await asyncio.sleep(0.01)
        return "the second"

    assert await hedging.first_answer(attempt, always) == "the second"

    async def failing() -> str:
        raise KeyError("alone")

    with pytest.raises(KeyError, match="alone"):
        await hedging.first_answer(failing, always)


async def test_a_call_that_ended_makes_room_for_another_second_attempt():
    hedging = await known()
    for _ in range(5):
        assert await hedging.first_answer(Hanging(answers_at=2), lambda: 1) == "attempt 2"


@pytest.mark.parametrize("wrong", [{"times_typical": 0.5}, {"least_seconds": 0.0}, {"answers": 0}], ids=str)
def test_a_wrong_policy_is_refused(wrong):
    with pytest.raises(ValueError, match="at least 1"):
        HedgePolicy(**wrong)
