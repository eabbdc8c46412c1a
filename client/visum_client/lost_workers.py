"""Calls whose worker was lost while it worked on them: found guilty or not, and tried a bounded number of times.

A worker that ends takes all its calls with it, and one of them may be why. So a call that lost its worker is made again
with ever fewer others beside it, at last with none: who is alone and loses its worker again and again is to blame.
Workers that end for another reason, as where machines are taken away, rarely hit one call so often.
"""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

TRIES_ALONE = 3
"""A call that lost its worker so often while nothing else was worked on is to blame."""
CALLS_TO_BLAME = 8
"""So many calls to blame without an answer between: it is the service that is broken."""
_SHARE_OF_COMPANY = 4
"""By how much fewer calls are in flight beside one that lost another worker."""


@dataclass
class Losses:
    """The workers that one call lost."""

    in_company: int = 0
    """How often others were, or could have been, in flight."""
    alone: int = 0
    """How often none was."""

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
        return self.alone >= TRIES_ALONE


class Company:
    """Lets calls in, in the order in which they come, and holds each to the company that all of them bear.

    Belongs to one event loop.
    """

    def __init__(self) -> None:
        self.to_blame = 0
        """Calls that were to blame since the service last answered."""
        self._door = asyncio.Lock()
        self._left = asyncio.Event()
        self._bounds: list[float] = []

    @asynccontextmanager
    async def joined(self, most: float) -> AsyncIterator[None]:
        """Waits until no more than `most` calls are in with this one, and no more than the others bear."""
        async with self._door:
            while len(self._bounds) >= min([most, *self._bounds]):
                self._left.clear()
                await self._left.wait()
            self._bounds.append(most)
        try:
            yield
        finally:
            self._bounds.remove(most)
            self._left.set()
