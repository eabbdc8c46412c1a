"""An event loop in a thread of its own, so that ordinary code and notebooks can wait for asynchronous work."""

import asyncio
import contextlib
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


class LoopThread:
    """Runs coroutines for threads that have no event loop."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="visum-client", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Waits for a coroutine. Ctrl-C cancels it, waits until it has cleaned up, and goes on as KeyboardInterrupt."""
        task = asyncio.run_coroutine_threadsafe(_started(work), self._loop).result()
        ended = asyncio.run_coroutine_threadsafe(_outcome(task), self._loop)
        try:
            return ended.result()
        except KeyboardInterrupt:
            self._loop.call_soon_threadsafe(task.cancel)
            with contextlib.suppress(Exception):  # only its end is waited for
                ended.result()
            raise

    def close(self) -> None:
        """Ends the loop and its thread."""
        self.run(self._loop.shutdown_asyncgens())
        self.run(self._loop.shutdown_default_executor())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


async def _started(work: Coroutine[Any, Any, Result]) -> asyncio.Task[Result]:
    return asyncio.get_running_loop().create_task(work)


async def _outcome(task: asyncio.Task[Result]) -> Result:
    return await task
