"""Start-up, health, drain: the life of a server."""

import asyncio
import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection
from visum.v1 import info_pb2, info_pb2_grpc

from visum_runtime.interceptor import CallInterceptor, ProbeInterceptor
from visum_runtime.logs import log, start_logging
from visum_runtime.metrics import Metrics
from visum_runtime.settings import ServerSettings
from visum_runtime.tls import server_credentials
from visum_runtime.tokens import Tokens
from visum_runtime.worker import Unprepared, Worker

LIVENESS = "liveness"
READINESS = "readiness"
STDIN_FILE_DESCRIPTOR = 0
_LEAST_PING_INTERVAL_MS = 10_000
"""Clients that ask for signs of life more often are sent away; ours ask every 20 s while a call lasts."""
_INFO_SERVICE = "visum.v1.InfoService"
_SERVING = health_pb2.HealthCheckResponse.SERVING
_NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


@dataclass(frozen=True)
class Service:
    """One gRPC service, ready to be served."""

    name: str
    """Full name, as visum.v1.MaskService."""
    version: str
    """Version of its distribution."""
    algorithm_version: str
    """Changes whenever results change."""
    add_to: Callable[[grpc.aio.Server], None]
    """Registers the servicer."""
    worker: Worker
    """Where its work is done."""
    metrics: Metrics
    """Where it is counted."""
    device: str = "cpu"
    """Device class."""
    deterministic: bool = True
    """True where results do not depend on which calls share a batch."""


class Server:
    """A running service with health, reflection and information beside it.

    Liveness is the health service name `liveness`; readiness is `readiness`, the service's own name and the empty name.
    """

    def __init__(self, service: Service, settings: ServerSettings) -> None:
        self._service = service
        self._settings = settings
        self._health = health.aio.HealthServicer()
        self._ready_names = (READINESS, service.name, "")
        self._server: grpc.aio.Server | None = None
        self._probe_server: grpc.aio.Server | None = None
        self.port = 0
        self.health_port = -1
        self.metrics_port = -1

    async def start(self) -> None:
        """Binds the ports and begins to answer.

        Raises:
            OSError: A port is taken, or the files of certificates or tokens cannot be used.
        """
        self._server = self._make_server()
        self.port = _bind(self._server, self._settings.host, self._settings.port, server_credentials(self._settings))
        await self._server.start()
        if self._settings.health_port >= 0:
            await self._start_probes()
        if self._settings.metrics_port >= 0:
            self.metrics_port = self._service.metrics.serve(self._settings.host, self._settings.metrics_port)
        await self._health.set(LIVENESS, _SERVING)
        await self._set_ready(True)
        log("listening", service=self._service.name, **self.addresses())

    async def stop(self) -> None:
        """Turns readiness off, finishes what is in flight, then stops."""
        log("draining", service=self._service.name)
        await self._set_ready(False)
        if self._server is not None:
            await self._server.stop(self._settings.drain_seconds)
        if self._probe_server is not None:
            await self._probe_server.stop(0)
        await asyncio.to_thread(self._service.worker.close)
        log("stopped", service=self._service.name)

    def addresses(self) -> dict[str, Any]:
        """Host and ports, as announced."""
        ports = {"port": self.port, "health_port": self.health_port, "metrics_port": self.metrics_port}
        return {"host": self._settings.host} | ports

    def _make_server(self) -> grpc.aio.Server:
        """A gRPC server belongs to the event loop that it is made in: hence not in the constructor."""
        tokens = Tokens(Path(self._settings.token_file)) if self._settings.token_file else None
        interceptor = CallInterceptor(
            self._service.metrics, self._service.worker, tokens, self._settings.max_calls_per_caller
        )
        server = grpc.aio.server(interceptors=[interceptor], options=_options(self._settings))
        self._service.add_to(server)
        info_pb2_grpc.add_InfoServiceServicer_to_server(_InfoServicer(self._service, self._settings), server)
        health_pb2_grpc.add_HealthServicer_to_server(self._health, server)
        names = (self._service.name, _INFO_SERVICE, health.SERVICE_NAME, reflection.SERVICE_NAME)
        reflection.enable_server_reflection(names, server)
        return server

    async def _start_probes(self) -> None:
        self._probe_server = grpc.aio.server(interceptors=[ProbeInterceptor()])
        health_pb2_grpc.add_HealthServicer_to_server(self._health, self._probe_server)
        self.health_port = _bind(self._probe_server, self._settings.host, self._settings.health_port)
        await self._probe_server.start()

    async def _set_ready(self, ready: bool) -> None:
        for name in self._ready_names:
            await self._health.set(name, _SERVING if ready else _NOT_SERVING)


class _InfoServicer(info_pb2_grpc.InfoServiceServicer):
    def __init__(self, service: Service, settings: ServerSettings) -> None:
        self._response = info_pb2.GetServerInfoResponse(
            service=service.name,
            version=service.version,
            algorithm_version=service.algorithm_version,
            device=service.device,
            deterministic=service.deterministic,
            preferred_concurrency=service.worker.threads * service.worker.max_batch,
            queue_capacity=service.worker.capacity,
            max_message_bytes=settings.max_message_bytes,
        )

    async def GetServerInfo(
        self, request: info_pb2.GetServerInfoRequest, context: grpc.aio.ServicerContext
    ) -> info_pb2.GetServerInfoResponse:
        return self._response


def run(service: Service, settings: ServerSettings) -> None:
    """Serves until SIGTERM or SIGINT, then drains. Prints one JSON line with host and ports once it listens.

    Ends with an error where it cannot listen, or as soon as a thread of its worker could not be prepared.
    """
    start_logging(settings.log_level)
    if settings.until_stdin_closes:
        threading.Thread(target=_end_with_stdin, name="stdin", daemon=True).start()
    try:
        asyncio.run(_serve(Server(service, settings), service.worker))
    except (OSError, Unprepared) as error:
        sys.exit(str(error))


async def _serve(server: Server, worker: Worker) -> None:
    stopping = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stopping.set)
    await server.start()
    print(json.dumps(server.addresses()), flush=True)
    stopped, failed = asyncio.ensure_future(stopping.wait()), asyncio.wrap_future(worker.failed)
    await asyncio.wait((stopped, failed), return_when=asyncio.FIRST_COMPLETED)
    if unprepared := failed.exception() if failed.done() else None:
        log("worker not prepared", logging.ERROR, error=unprepared.__cause__)
    await server.stop()
    if unprepared:
        raise unprepared


def _end_with_stdin() -> None:
    """Whoever started this process holds the other end: when it is gone, nobody waits for an answer."""
    while os.read(STDIN_FILE_DESCRIPTOR, 1):
        pass
    os._exit(0)


def _bind(server: grpc.aio.Server, host: str, port: int, credentials: grpc.ServerCredentials | None = None) -> int:
    address = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    try:
        if credentials is None:
            bound = server.add_insecure_port(address)
        else:
            bound = server.add_secure_port(address, credentials)
    except RuntimeError as error:
        raise OSError(f"cannot listen on {address}: the port is taken or not allowed") from error
    if bound == 0:
        raise OSError(f"cannot listen on {address}: the port is taken or not allowed")
    return bound


def _options(settings: ServerSettings) -> list[tuple[str, int]]:
    return [
        ("grpc.max_receive_message_length", settings.max_message_bytes),
        ("grpc.max_send_message_length", settings.max_message_bytes),
        ("grpc.max_connection_age_ms", round(settings.max_connection_age_seconds * 1000)),
        ("grpc.http2.min_recv_ping_interval_without_data_ms", _LEAST_PING_INTERVAL_MS),
        ("grpc.so_reuseport", 0),
    ]
