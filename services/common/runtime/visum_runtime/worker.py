"""The bounded queue and the worker threads behind a server's event loop."""

import asyncio
import threading
import time
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from visum_runtime.callers import current_caller
from visum_runtime.errors import Draining, QueueFull, Stopped
from visum_runtime.fair_queue import FairQueue
from visum_runtime.metrics import Metrics

Job = TypeVar("Job")
Result = TypeVar("Result")

_FIRST_GUESS_SECONDS = 1.0
_SMOOTHING = 0.2


@dataclass(eq=False)
class Ticket(Generic[Job]):
    """One call's work in the queue."""

    job: Job
    """What is to be done."""
    _stop: threading.Event = field(default_factory=threading.Event)

    def should_stop(self) -> bool:
        """True as soon as nobody waits for the result any more; checked by long work in its loop."""
        return self._stop.is_set()

    def stop(self) -> None:
        """Tells the work that nobody waits for it."""
        self._stop.set()


@dataclass(frozen=True)
class Done(Generic[Result]):
    """A result and how long it took."""

    result: Result
    queued_seconds: float
    compute_seconds: float


Handler = Callable[[Sequence[Ticket[Job]]], Sequence[Result | BaseException]]
"""Works on a batch in a worker thread; answers one result or error a ticket."""


@dataclass(eq=False)
class _Entry:
    ticket: Ticket
    handler: Handler
    caller: str
    key: Hashable | None
    future: asyncio.Future
    loop: asyncio.AbstractEventLoop
    arrived: float
    started: float = 0.0

    def resolve(self, outcome: Any) -> None:
        self.loop.call_soon_threadsafe(self._set, outcome, time.monotonic())

    def _set(self, outcome: Any, finished: float) -> None:
        if self.future.done():
            return
        if isinstance(outcome, BaseException):
            self.future.set_exception(outcome)
        else:
            self.future.set_result(Done(outcome, self.started - self.arrived, finished - self.started))


class Unprepared(Exception):
    """A worker's threads could not be prepared: there is nobody to do the work."""


class Worker:
    """Runs work off the event loop: `threads` threads take batches from one bounded queue, which callers share fairly.

    Args:
        threads: Threads, >= 1.
        max_batch: Tickets with an equal key that one thread works on together, >= 1.
        capacity: Tickets that wait at most, >= 1.
        linger_seconds: How long an incomplete batch waits for more tickets.
        metrics: Where queue depth, batch sizes and times are counted.
        prepare: Called once in each thread before its first work. Where it fails, the worker refuses all work.

    Attributes:
        failed: Raises Unprepared as soon as a thread could not be prepared; never done otherwise.
    """

    def __init__(
        self,
        *,
        threads: int = 1,
        max_batch: int = 1,
        capacity: int = 256,
        linger_seconds: float = 0.0,
        metrics: Metrics | None = None,
        prepare: Callable[[], None] | None = None,
    ) -> None:
        self.threads = threads
        self.max_batch = max_batch
        self.capacity = capacity
        self._linger_seconds = linger_seconds
        self._metrics = metrics or Metrics()
        self._metrics.queue_capacity.set(capacity)
        self._prepare = prepare
        self._queue: FairQueue[_Entry] = FairQueue(capacity)
        self._condition = threading.Condition()
        self._closed = False
        self.failed: Future[None] = Future()
        self._seconds_each = _FIRST_GUESS_SECONDS
        self._pool = [threading.Thread(target=self._work, name=f"worker-{i}", daemon=True) for i in range(threads)]
        for thread in self._pool:
            thread.start()

    async def submit(self, handler: Handler, job: Job, key: Hashable | None = None) -> Done:
        """Queues a job and waits for its result. Cancelling the wait stops the work.

        Args:
            handler: Works on the batch that the job gets into; jobs of one key must share one handler.
            job: What is to be done.
            key: Jobs of equal key may share a batch; None: a batch of its own.

        Raises:
            QueueFull: The queue is full, and its caller has its share of it, by now or later; says when to try again.
            Draining: The worker is closed.
        """
        ticket = Ticket(job)
        future = self._enqueue(ticket, handler, key)
        try:
            return await future
        except asyncio.CancelledError:
            ticket.stop()
            self._forget(ticket)
            raise

    async def compute(self, function: Callable[..., Result], *arguments: Any) -> Done[Result]:
        """Queues one plain function call and waits for its result. Raises as `submit`, and what the function raises."""
        return await self.submit(_call, (function, arguments))

    def close(self) -> None:
        """Refuses new work, ends waiting work with Draining, and waits for the threads."""
        self._refuse()
        for thread in self._pool:
            thread.join()

    def retry_seconds(self) -> float:
        """When it is worth while to come back to a full queue."""
        return max(0.1, self._seconds_each * len(self._queue) / self.threads / 2)

    def _refuse(self) -> None:
        with self._condition:
            self._closed = True
            waiting = self._queue.remove_where(lambda entry: True)
            self._condition.notify_all()
        for entry in waiting:
            entry.resolve(Draining("the server is shutting down"))

    def _enqueue(self, ticket: Ticket, handler: Handler, key: Hashable | None) -> asyncio.Future:
        loop = asyncio.get_running_loop()
        entry = _Entry(ticket, handler, current_caller(), key, loop.create_future(), loop, time.monotonic())
        with self._condition:
            if self._closed:
                raise Draining("the server is shutting down")
            leaves = self._queue.push(entry)
            self._metrics.queue_depth.set(len(self._queue))
            self._condition.notify_all()
        if leaves is not None:
            leaves.resolve(QueueFull("the queue is full", retry_seconds=self.retry_seconds()))
        return entry.future

    def _forget(self, ticket: Ticket) -> None:
        with self._condition:
            self._queue.remove_where(lambda entry: entry.ticket is ticket)
            self._metrics.queue_depth.set(len(self._queue))

    def _work(self) -> None:
        if not self._is_prepared():
            return
        while batch := self._next_batch():
            started = time.monotonic()
            for entry in batch:
                entry.started = started
            for entry, outcome in zip(batch, self._run(batch), strict=True):
                entry.resolve(outcome)
            seconds = time.monotonic() - started
            self._seconds_each += _SMOOTHING * (seconds / len(batch) - self._seconds_each)
            self._metrics.batch_size.observe(len(batch))
            self._metrics.compute_seconds.observe(seconds)

    def _is_prepared(self) -> bool:
        try:
            if self._prepare is not None:
                self._prepare()
        except BaseException as error:  # any fault ends the thread
            self._refuse()
            unprepared = Unprepared(f"a worker thread could not be prepared: {error!r}")
            unprepared.__cause__ = error
            with suppress(InvalidStateError):  # another thread was first
                self.failed.set_exception(unprepared)
            return False
        return True

    def _run(self, batch: list[_Entry]) -> Sequence[Any]:
        try:
            outcomes = batch[0].handler([entry.ticket for entry in batch])
            if len(outcomes) != len(batch):
                raise RuntimeError(f"a batch of {len(batch)} was answered with {len(outcomes)} results")
            return outcomes
        except BaseException as error:  # the thread must outlive any fault of the work
            return [_as_exception(error)] * len(batch)

    def _next_batch(self) -> list[_Entry]:
        """Waits for the entry whose turn it is and for company with its key; empty when closed."""
        with self._condition:
            self._condition.wait_for(lambda: len(self._queue) or self._closed)
            if not len(self._queue):
                return []
            batch = [self._queue.pop()]
            deadline = time.monotonic() + self._linger_seconds
            while batch[0].key is not None and len(batch) < self.max_batch:
                batch += self._queue.pop_with(batch[0].key, self.max_batch - len(batch))
                remaining = deadline - time.monotonic()
                if len(batch) == self.max_batch or remaining <= 0 or not self._condition.wait(remaining):
                    break
            if batch[0].key is not None:
                batch += self._queue.pop_with(batch[0].key, self.max_batch - len(batch))
            self._metrics.queue_depth.set(len(self._queue))
            return batch


def _as_exception(error: BaseException) -> Exception:
    """What a future can carry without ending the event loop."""
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    return RuntimeError(f"the work raised {error!r}")


def _call(tickets: Sequence[Ticket]) -> Sequence[Any]:
    (ticket,) = tickets
    if ticket.should_stop():
        return [Stopped("the call was cancelled")]
    function, arguments = ticket.job
    return [function(*arguments)]
