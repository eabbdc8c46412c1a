"""A TCP proxy between a client and a server, which does what networks do."""

import asyncio
import contextlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager


class Proxy:
    """Forwards connections to a port of this machine."""

    def __init__(self, target_port: int) -> None:
        self.port = 0
        self.connections = 0
        self.loop = asyncio.new_event_loop()
        self._target_port = target_port
        self._writers: set[asyncio.StreamWriter] = set()
        self._speaking = asyncio.Event()
        self._refusing = False
        self._speaking.set()

    async def start(self) -> asyncio.Server:
        server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        return server

    def cut(self) -> None:
        """Ends all connections; new ones are made."""
        self.loop.call_soon_threadsafe(self._cut)

    def refuse(self, refusing: bool) -> None:
        """Ends all connections, and each new one at once, until it is called with False."""
        self._refusing = refusing
        self.cut()

    def silence(self, silent: bool) -> None:
        """Forwards nothing and ends nothing, as where a host has gone: connections that are there, and new ones."""
        self.loop.call_soon_threadsafe(self._speaking.clear if silent else self._speaking.set)

    def _cut(self) -> None:
        for writer in self._writers:
            writer.transport.abort()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._refusing:
            writer.transport.abort()
            return
        self.connections += 1
        beyond, further = await asyncio.open_connection("127.0.0.1", self._target_port)
        self._writers |= {writer, further}
        await asyncio.gather(self._forward(reader, further), self._forward(beyond, writer))
        self._writers -= {writer, further}

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(1 << 16):
                await self._speaking.wait()
                writer.write(data)
                await writer.drain()
        writer.close()


@contextmanager
def proxied(target_port: int) -> Iterator[Proxy]:
    """A proxy in a thread of its own."""
    proxy = Proxy(target_port)
    thread = threading.Thread(target=proxy.loop.run_forever, daemon=True)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(proxy.start(), proxy.loop).result(10)
    try:
        yield proxy
    finally:
        proxy.loop.call_soon_threadsafe(server.close)
        proxy.refuse(True)
        asyncio.run_coroutine_threadsafe(_cancel_all(), proxy.loop).result(10)
        proxy.loop.call_soon_threadsafe(proxy.loop.stop)
        thread.join()
        proxy.loop.close()


async def _cancel_all() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
