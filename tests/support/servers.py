"""Real servers of real services in this process, each in the event loop of a thread of its own."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import grpc

from visum_runtime.server import Server, Service
from visum_runtime.settings import ServerSettings


class RunningServer(Server):
    """A server that tests can reach into."""

    def __init__(self, service: Service, settings: ServerSettings, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(service, settings)
        self.service = service
        self.loop = loop


@contextmanager
def running(service: Service, settings: ServerSettings | None = None) -> Iterator[RunningServer]:
    """Serves on any free port of the loopback; `server.port` says which."""
    loop = asyncio.new_event_loop()
    server = RunningServer(service, settings or ServerSettings(port=0, drain_seconds=5), loop)
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    asyncio.run_coroutine_threadsafe(server.start(), loop).result(timeout=30)
    try:
        yield server
    finally:
        asyncio.run_coroutine_threadsafe(server.stop(), loop).result(timeout=60)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


@contextmanager
def connected(server: Server) -> Iterator[grpc.Channel]:
    """A synchronous channel to a running server."""
    with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        yield channel
