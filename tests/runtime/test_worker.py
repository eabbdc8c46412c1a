import asyncio
import threading

import pytest

from visum_runtime.errors import Draining, QueueFull, Stopped
from visum_runtime.worker import Unprepared, Worker


class Gate:
    """Holds a worker thread until it is opened."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.opened = threading.Event()

    def pass_through(self) -> None:
        self.entered.set()
        assert self.opened.wait(30)


def sizes(tickets):
    return [len(tickets)] * len(tickets)


async def occupied(worker: Worker) -> tuple[Gate, asyncio.Task]:
    """A gate that holds the worker's only thread."""
    gate = Gate()
    task = asyncio.create_task(worker.compute(gate.pass_through))
    assert await asyncio.to_thread(gate.entered.wait, 30)
    return gate, task


@pytest.fixture
def make_worker():
    made = []

    def make(**options) -> Worker:
        made.append(Worker(**options))
        return made[-1]

    yield make
    for worker in made:
        worker.close()


async def test_waiting_jobs_of_one_key_share_batches_up_to_the_limit(make_worker):
    worker = make_worker(max_batch=3)
    gate, held = await occupied(worker)
    tasks = [asyncio.create_task(worker.submit(sizes, i, key="a")) for i in range(4)]
    other = asyncio.create_task(worker.submit(sizes, 9, key="b"))
    alone = asyncio.create_task(worker.submit(sizes, 9))
    await asyncio.sleep(0)
    gate.opened.set()
    await held
    assert [(await task).result for task in tasks] == [3, 3, 3, 1]
    assert [(await other).result, (await alone).result] == [1, 1]


async def test_a_lone_job_waits_for_company(make_worker):
    worker = make_worker(max_batch=2, linger_seconds=30)
    done = await asyncio.gather(worker.submit(sizes, 1, key="a"), worker.submit(sizes, 2, key="a"))
    assert [each.result for each in done] == [2, 2]


async def test_a_full_queue_refuses_and_says_when_to_come_again(make_worker):
    worker = make_worker(capacity=1)
    gate, held = await occupied(worker)
    waiting = asyncio.create_task(worker.compute(int))
    await asyncio.sleep(0)
    with pytest.raises(QueueFull) as caught:
        await worker.compute(int)
    assert caught.value.retry_seconds > 0
    gate.opened.set()
    await held
    assert (await waiting).result == 0


async def test_cancelling_a_waiting_job_frees_its_place(make_worker):
    worker = make_worker(capacity=1)
    gate, held = await occupied(worker)
    waiting = asyncio.create_task(worker.compute(int))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    second = asyncio.create_task(worker.compute(int))
    await asyncio.sleep(0)
    gate.opened.set()
    await held
    assert (await second).result == 0


async def test_cancelling_a_running_job_reaches_its_loop(make_worker):
    worker = make_worker()
    started, ended = threading.Event(), threading.Event()

    def spin(tickets):
        started.set()
        while not tickets[0].should_stop():
            pass
        ended.set()
        return [Stopped("stopped")]

    task = asyncio.create_task(worker.submit(spin, None))
    assert await asyncio.to_thread(started.wait, 30)
    task.cancel()
    assert await asyncio.to_thread(ended.wait, 30)


async def test_an_error_reaches_its_caller_alone(make_worker):
    worker = make_worker(max_batch=2, linger_seconds=30)

    def odd_fails(tickets):
        return [ValueError(str(t.job)) if t.job % 2 else t.job for t in tickets]

    good, bad = await asyncio.gather(
        worker.submit(odd_fails, 2, key="k"), worker.submit(odd_fails, 1, key="k"), return_exceptions=True
    )
    assert good.result == 2
    assert isinstance(bad, ValueError)


async def test_the_thread_outlives_faults(make_worker):
    worker = make_worker()
    for fault in (ValueError, MemoryError, SystemExit, KeyboardInterrupt, StopIteration):

        def fail(kind=fault):
            raise kind("fault")

        with pytest.raises(Exception, match="fault"):
            await worker.compute(fail)
    assert (await worker.compute(int)).result == 0


async def test_a_closed_worker_refuses_and_ends_what_waits(make_worker):
    worker = make_worker()
    gate, held = await occupied(worker)
    waiting = asyncio.create_task(worker.compute(int))
    await asyncio.sleep(0)
    closing = asyncio.create_task(asyncio.to_thread(worker.close))
    with pytest.raises(Draining):
        await waiting
    gate.opened.set()
    await held
    await closing
    with pytest.raises(Draining):
        await worker.compute(int)


async def test_times_are_told_apart(make_worker):
    worker = make_worker()
    gate, held = await occupied(worker)
    waiting = asyncio.create_task(worker.compute(int))
    await asyncio.sleep(0)
    gate.opened.set()
    first, second = await held, await waiting
    assert first.compute_seconds > 0
    assert second.queued_seconds > second.compute_seconds


async def test_threads_that_cannot_be_prepared_refuse_all_work_and_say_why(make_worker):
    gate = Gate()

    def prepare():
        gate.pass_through()
        raise RuntimeError("no kernels")

    worker = make_worker(threads=2, prepare=prepare)
    waiting = asyncio.create_task(worker.compute(int))
    await asyncio.sleep(0)
    gate.opened.set()
    with pytest.raises(Draining):
        await waiting
    with pytest.raises(Unprepared, match="no kernels"):
        await asyncio.wrap_future(worker.failed)
    with pytest.raises(Draining):
        await worker.compute(int)
