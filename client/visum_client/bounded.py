"""Concurrent work, so much at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

Item = TypeVar("Item")


async def for_each(items: Iterable[Item], limit: Callable[[], int], work: Callable[[Item], Awaitable[None]]) -> None:
    """Does `work` for every item, at most `limit()` at a time, each item taken from the iterable when its turn comes.

    The limit may grow while the work is done.

    Raises:
        Exception: The first error of `work`; the others are cancelled.
    """
    remaining = iter(items)
    workers = 0

    def grow(group: asyncio.TaskGroup) -> None:
        nonlocal workers
        while workers < limit():
            workers += 1
            group.create_task(worker(group))

    async def worker(group: asyncio.TaskGroup) -> None:
        for item in remaining:
            await work(item)
            grow(group)

    try:
        async with asyncio.TaskGroup() as group:
            grow(group)
    except BaseExceptionGroup as errors:
        raise first_error(errors) from None


def first_error(error: BaseException) -> BaseException:
    """The first single error of a group, groups within groups opened."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
