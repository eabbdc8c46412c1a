"""Loads networks off the event loop."""

import asyncio

from visum_models.classifier import Classifier
from visum_models.repository import ModelRepository


class SharedLoading:
    """Loads networks for calls: those that wait for one network take one thread, whatever their number.

    The threads are the event loop's own, which other calls need, too, as for decoding their images.

    Args:
        models: Where networks come from.
    """

    def __init__(self, models: ModelRepository) -> None:
        self._models = models
        self._running: dict[tuple[str, str], asyncio.Task[Classifier]] = {}

    async def load(self, name: str, sha256: str) -> Classifier:
        """The network; arguments and errors are those of `ModelRepository.load`.

        Cancelling the wait does not end the loading, which others may wait for.
        """
        key = (name, sha256)
        if key not in self._running:
            task = asyncio.create_task(asyncio.to_thread(self._models.load, name, sha256))
            task.add_done_callback(lambda done: self._forget(key, done))
            self._running[key] = task
        return await asyncio.shield(self._running[key])

    def _forget(self, key: tuple[str, str], done: asyncio.Task[Classifier]) -> None:
        del self._running[key]
        if not done.cancelled():
            done.exception()  # looked at, so that asyncio does not report an error that no one waited for
