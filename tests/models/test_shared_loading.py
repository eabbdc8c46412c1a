import asyncio
import os
import threading

import pytest

from tests.support.networks import SmallNetwork, classifier_of
from visum_models.shared_loading import SharedLoading
from visum_runtime.errors import NotFound


class Models:
    """Networks of which the one called slow waits until it may come, and all others are there at once."""

    def __init__(self) -> None:
        self.may_come = threading.Event()
        self.loads: list[str] = []

    def load(self, name, sha256=""):
        self.loads.append(name)
        if name == "missing":
            raise NotFound("no model is called 'missing'")
        if name == "slow":
            self.may_come.wait()
        return classifier_of(SmallNetwork(), 4)


@pytest.fixture
def models():
    found = Models()
    yield found
    found.may_come.set()


async def test_calls_that_wait_for_one_network_load_it_once_and_leave_threads_to_others(models):
    loading = SharedLoading(models)
    more_than_threads = 40 + (os.cpu_count() or 1)
    waiting = [asyncio.create_task(loading.load("slow", "")) for _ in range(more_than_threads)]
    await asyncio.sleep(0)  # now all of them are on their way
    async with asyncio.timeout(60):
        await loading.load("quick", "")
    assert not any(task.done() for task in waiting)
    models.may_come.set()
    assert len({id(classifier) for classifier in await asyncio.gather(*waiting)}) == 1
    assert models.loads == ["slow", "quick"]


async def test_a_wait_that_is_cancelled_does_not_end_the_loading_for_others(models):
    loading = SharedLoading(models)
    first, second = (asyncio.create_task(loading.load("slow", "")) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    models.may_come.set()
    await second
    assert models.loads == ["slow"]


async def test_an_error_reaches_every_wait_and_the_next_call_tries_again(models):
    loading = SharedLoading(models)
    errors = await asyncio.gather(*(loading.load("missing", "") for _ in range(3)), return_exceptions=True)
    assert all(isinstance(error, NotFound) for error in errors)
    with pytest.raises(NotFound):
        await loading.load("missing", "")
    assert models.loads == ["missing", "missing"]
