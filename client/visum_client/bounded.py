"""Concurrent work, so much at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

Item = TypeVar("Item")


async def for_each(items: Iterable[Item], limit: int, work: Callable[[Item], Awaitable[None]]) -> None:
    """Does `work` for every item, at most `limit` at a time, each item taken from the iterable when its turn comes.

    Raises:
        Exception: The first error of `work`; the others are cancelled.
    """
    remaining = iter(items)

    async def worker() -> None:
        for item in remaining:
            await work(item)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(limit):
                group.create_task(worker())
    except BaseExceptionGroup as errors:
        raise first_error(errors) from None


def first_error(error: BaseException) -> BaseException:
    """The first single error of a group, groups within groups opened."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
