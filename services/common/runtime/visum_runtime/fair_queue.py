"""A bounded queue that callers share: nobody waits behind another's backlog, or is kept out by it."""

from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterator
from typing import Generic, Protocol, TypeVar


class Waiting(Protocol):
    """What can wait."""

    caller: str
    """Whose it is."""
    key: Hashable | None
    """What may be worked on together; None: nothing else."""


Entry = TypeVar("Entry", bound=Waiting)

_REMEMBERED_CALLERS = 1000


class FairQueue(Generic[Entry]):
    """Callers take turns; the entries of one caller keep their order. Not for several threads without a lock.

    Args:
        capacity: Entries at most, >= 1. Of `n` callers, each has room for at least `capacity // n`.
    """

    def __init__(self, capacity: int) -> None:
        self.capacity = capacity
        self._entries: deque[Entry] = deque()
        self._turns: dict[str, int] = {}
        self._turn = 0

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries)

    def push(self, entry: Entry) -> Entry | None:
        """Appends an entry; returns the one for which there is no room then, if any.

        Where the queue is full, that is the latest entry of the caller who has most, or `entry` itself where its caller
        would have as many.
        """
        self._entries.append(entry)
        if len(self._entries) <= self.capacity:
            return None
        waiting = Counter(other.caller for other in self._entries)
        most = max(waiting.values())
        greedy = {caller for caller, count in waiting.items() if count == most}
        leaves = entry if entry.caller in greedy else self._latest(greedy)
        self._entries.remove(leaves)
        return leaves

    def pop(self) -> Entry:
        """Takes the oldest entry of the caller whose last turn is longest ago. Raises ValueError where it is empty."""
        return self._take(self._entries)

    def pop_with(self, key: Hashable, count: int) -> list[Entry]:
        """Takes up to `count` entries of a key, callers in turn."""
        fitting = [entry for entry in self._entries if entry.key == key]
        taken = []
        for _ in range(min(count, len(fitting))):
            taken.append(self._take(fitting))
            fitting.remove(taken[-1])
        return taken

    def remove_where(self, holds: Callable[[Entry], bool]) -> list[Entry]:
        """Takes the entries for which something holds."""
        removed = [entry for entry in self._entries if holds(entry)]
        self._entries = deque(entry for entry in self._entries if not holds(entry))
        return removed

    def _latest(self, callers: set[str]) -> Entry:
        return next(entry for entry in reversed(self._entries) if entry.caller in callers)

    def _take(self, entries: "deque[Entry] | list[Entry]") -> Entry:
        taken = min(entries, key=lambda entry: self._turns.get(entry.caller, 0))
        self._entries.remove(taken)
        self._turn += 1
        self._turns.pop(taken.caller, None)
        self._turns[taken.caller] = self._turn
        if len(self._turns) > _REMEMBERED_CALLERS:
            # Whoever was served before all others is first also when nothing is known of them.
            del self._turns[next(iter(self._turns))]
        return taken
