"""Calls whose worker was lost while it worked on them: found guilty or not, and tried a bounded number of times.

A worker that ends takes all its calls with it, and one of them may be why. So a call that lost its worker is made again
with ever fewer others beside it, at last with none: who is alone and loses its worker again and again is to blame. How
often is enough depends on what befell other calls meanwhile: where workers end by themselves, as on machines that are
taken away, they end at others, too.
"""

import asyncio
import math
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

MOST_TRIES_ALONE = 8
"""A call that lost its worker so often while nothing else was worked on is to blame, whatever befell others."""
CALLS_TO_BLAME = 4
"""So many calls to blame without an answer between: it is the service that is broken."""
_LEAST_TRIES_ALONE = 3
_MOST_CHANCE = 1e-3
"""A call is to blame where so many losses would be less likely than this at the rate at which others lose workers."""
_SHARE_OF_COMPANY = 4
"""By how much fewer calls are in flight beside one that lost another worker."""


@dataclass
class Losses:
    """The workers that one call lost, and what befell others before it and while it was not in flight."""

    in_company: int = 0
    """How often others were, or could have been, in flight."""
    alone: int = 0
    """How often none was."""
    others_lost: int = 0
    """Attempts of other calls that lost their worker."""
    others_answered: int = 0
    """Attempts of other calls that were answered."""
    seen_lost: int = 0
    """Attempts that had lost their worker when this call began to wait."""
    seen_answered: int = 0
    """Attempts that had been answered by then."""

    def company(self, each: int) -> float:
        """Calls that may be in flight when this one is, itself included.

        Args:
            each: Calls that one worker may hold, and so lose.
        """
        return max(1, each // _SHARE_OF_COMPANY**self.in_company) if self.in_company else math.inf

    def add(self, company: float) -> None:
        """Takes note that a worker was lost in a company of at most so many."""
        if company > 1:
            self.in_company += 1
        else:
            self.alone += 1

    @property
    def total(self) -> int:
        """Workers that were lost."""
        return self.in_company + self.alone

    @property
    def is_to_blame(self) -> bool:
        """True where the call itself is the reason, as far as can be told."""
        rate = (self.others_lost + 1) / (self.others_lost + self.others_answered + 2)
        is_unlikely = self.alone >= _LEAST_TRIES_ALONE and rate**self.alone < _MOST_CHANCE
        return is_unlikely or self.alone >= MOST_TRIES_ALONE


class Company:
    """Lets calls in, in the order in which they come, and holds each to the company that all of them bear.

    Belongs to one event loop.
    """

    def __init__(self) -> None:
        self.latest_sign = -math.inf
        """When a call was last taken up by a worker, as time.monotonic() tells it."""
        self._door = asyncio.Lock()
        self._left = asyncio.Event()
        self._bounds: list[float] = []
        self._answered = 0
        self._lost = 0
        self._to_blame = 0

    @asynccontextmanager
    async def joined(self, losses: Losses, each: int) -> AsyncIterator[None]:
        """Waits until no more calls are in than this one and the others bear.

        Args:
            losses: What the call lost before.
            each: Calls that one worker may hold.
        """
        most = losses.company(each)
        async with self._door:
            while len(self._bounds) >= min([most, *self._bounds]):
                self._left.clear()
                await self._left.wait()
            self._bounds.append(most)
        losses.others_answered += self._answered - losses.seen_answered
        losses.others_lost += self._lost - losses.seen_lost
        try:
            yield
        finally:
            self._bounds.remove(most)
            self._left.set()

    def note_answer(self) -> None:
        """Takes note that a call was answered."""
        self.latest_sign = time.monotonic()
        self._answered += 1
        self._to_blame = 0

    def lose(self, losses: Losses, each: int) -> bool:
        """Takes note that a call lost its worker; true where it is to blame."""
        self.latest_sign = time.monotonic()
        losses.add(losses.company(each))
        self._lost += 1
        self._to_blame += losses.is_to_blame
        return losses.is_to_blame

    def look_at_others(self, losses: Losses) -> None:
        """From here on, what befalls others tells of this call, until it is in again.

        The calls of a lost worker end at almost the same time: called a moment later, none of them counts.
        """
        losses.seen_answered, losses.seen_lost = self._answered, self._lost

    @property
    def is_service_to_blame(self) -> bool:
        """True where one call after the other was to blame, without an answer between."""
        return self._to_blame >= CALLS_TO_BLAME
