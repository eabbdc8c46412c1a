"""How many calls of a service may be in flight: so many for each of its replicas."""

import asyncio
import time
from collections.abc import Callable
from types import TracebackType

REPLICA_MEMORY_SECONDS = 300.0
"""How long a replica counts after its last answer."""


class Slots:
    """Holds calls back beyond what the replicas that were heard of can use. Belongs to one event loop.

    A name may stand for any number of replicas, and only their answers tell how many there are: so the calls in flight
    grow with the replicas that answer, and shrink when one has been silent for long.

    Args:
        each: Calls that may be in flight for each replica, >= 1.
        clock: Tells the time, seconds.
    """

    def __init__(self, each: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.each = each
        self._clock = clock
        self._semaphore = asyncio.Semaphore(each)
        self._heard: dict[str, float] = {}
        self._surplus = 0

    @property
    def replicas(self) -> int:
        """Replicas that were heard of lately; at least one is taken to be there."""
        return max(1, len(self._heard))

    @property
    def limit(self) -> int:
        """Calls that may be in flight at once."""
        return self.each * self.replicas

    def hear(self, replica: str) -> None:
        """Takes note that a replica answered."""
        before, now = self.limit, self._clock()
        self._heard[replica] = now
        self._heard = {name: last for name, last in self._heard.items() if now - last <= REPLICA_MEMORY_SECONDS}
        self._surplus += max(0, before - self.limit)
        for _ in range(self.limit - before):
            self._free()

    async def __aenter__(self) -> None:
        await self._semaphore.acquire()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._free()

    def _free(self) -> None:
        if self._surplus:
            self._surplus -= 1
        else:
            self._semaphore.release()
