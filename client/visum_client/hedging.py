"""A second attempt for a call that takes far longer than its like: one slow replica must not hold up a run."""

import asyncio
import contextlib
import statistics
import time
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

Answer = TypeVar("Answer")

_REMEMBERED_ANSWERS = 64


@dataclass(frozen=True)
class HedgePolicy:
    """When a call gets a second attempt. Calls are pure, so an attempt too many costs work and nothing else.

    Raises:
        ValueError: A value is out of range.
    """

    times_typical: float = 3.0
    """A second attempt starts after so many times the median time of the latest answers."""
    least_seconds: float = 2.0
    """Calls faster than this get none; also how often it is looked whether one is due."""
    answers: int = 8
    """Answers after which it is known what is typical."""

    def __post_init__(self) -> None:
        if self.times_typical < 1 or self.least_seconds <= 0 or self.answers < 1:
            raise ValueError("times_typical and answers must be at least 1, least_seconds positive")


class Hedging:
    """Makes the calls of one kind, and remembers how long they take. Belongs to one event loop."""

    def __init__(self, policy: HedgePolicy) -> None:
        self._policy = policy
        self._seconds: deque[float] = deque(maxlen=_REMEMBERED_ANSWERS)
        self._hedged = 0

    async def first_answer(self, attempt: Callable[[], Awaitable[Answer]], most_hedged: Callable[[], int]) -> Answer:
        """The answer of the attempt that answers first.

        The first attempt is left running; a second one that takes too long as well is given up for another.

        Args:
            attempt: Makes the call once.
            most_hedged: Calls that may have a second attempt at once.

        Raises:
            Exception: What the last attempt raised, where all failed.
        """
        race = _Race(attempt)
        with contextlib.ExitStack() as stack:
            try:
                while not await race.next_end(self._policy.least_seconds):
                    if race.is_first_running and self._is_slow(race.latest_start):
                        if not race.is_hedged and self._hedged < most_hedged():
                            race.is_hedged = True
                            stack.enter_context(self._counted())
                        if race.is_hedged:
                            race.start_second()
                answer: Answer = race.answer()
                self._seconds.append(race.winning_seconds)
                return answer
            finally:
                await race.cancel()

    @contextlib.contextmanager
    def _counted(self) -> Iterator[None]:
        self._hedged += 1
        try:
            yield
        finally:
            self._hedged -= 1

    def _is_slow(self, started: float) -> bool:
        if len(self._seconds) < self._policy.answers:
            return False
        return time.monotonic() - started > self._policy.times_typical * statistics.median(self._seconds)


class _Race:
    """Attempts at one answer, two at most at a time."""

    def __init__(self, attempt: Callable[[], Awaitable[Any]]) -> None:
        self._attempt = attempt
        self._starts: dict[asyncio.Future[Any], float] = {}
        self._ended: asyncio.Future[Any] | None = None
        self._first = self._start()
        self._second: asyncio.Future[Any] | None = None
        self.is_hedged = False
        self.winning_seconds = 0.0

    @property
    def is_first_running(self) -> bool:
        """True until the first attempt ended."""
        return self._first in self._starts

    @property
    def latest_start(self) -> float:
        """When the latest attempt that is running was started."""
        return max(self._starts.values())

    def start_second(self) -> None:
        """Starts a second attempt, in the place of the one before."""
        if self._second is not None and self._starts.pop(self._second, None) is not None:
            self._second.cancel()
        self._second = self._start()

    async def next_end(self, patience_seconds: float) -> bool:
        """Waits a while; true as soon as an attempt succeeded or none is left."""
        ended, _ = await asyncio.wait(self._starts, timeout=patience_seconds, return_when=asyncio.FIRST_COMPLETED)
        for attempt in ended:
            self._ended, started = attempt, self._starts.pop(attempt)
            if attempt.cancelled() or attempt.exception() is None:
                self.winning_seconds = time.monotonic() - started
                return True
        return not self._starts

    def answer(self) -> Any:
        """What the attempt that ended the race answered, or raised."""
        assert self._ended is not None
        return self._ended.result()

    async def cancel(self) -> None:
        """Ends the attempts that are still running."""
        for attempt in self._starts:
            attempt.cancel()
        await asyncio.gather(*self._starts, return_exceptions=True)

    def _start(self) -> asyncio.Future[Any]:
        attempt = asyncio.ensure_future(self._attempt())
        self._starts[attempt] = time.monotonic()
        return attempt
