"""A service whose calls wait until the test lets them go, and one way to call it."""

import asyncio
import threading
from collections.abc import Callable

import grpc
import pytest
from visum.v1 import common_pb2, mask_pb2, mask_pb2_grpc

from visum_client.credentials import Credentials
from visum_client.methods import LIST_MODELS
from visum_client.remote import RemoteServices
from visum_client.scheduler import Services
from visum_runtime.callers import current_caller
from visum_runtime.metrics import Metrics
from visum_runtime.server import Service
from visum_runtime.worker import Worker


class WaitingService(mask_pb2_grpc.MaskServiceServicer):
    """ListModels passes a gate on the worker's only thread; answers who called."""

    def __init__(self, **options: int) -> None:
        self.gate = threading.Event()
        self.entered = threading.Event()
        """Set as soon as a call is worked on."""
        self.asked: list[str] = []
        self.served: list[tuple[str, int]] = []
        """Caller of each call in the order of the work, and how many were served when it was asked."""
        self._metrics = Metrics()
        self.worker = Worker(metrics=self._metrics, **options)
        self.fault: Exception | None = None

    async def ListModels(self, request, context):
        caller = current_caller()
        self.asked.append(caller)
        await self.worker.compute(self._work, caller, len(self.served))
        return mask_pb2.ListModelsResponse(models=[common_pb2.ModelCard(architecture=caller)])

    def _work(self, caller, served_before):
        self.entered.set()
        assert self.gate.wait(60)
        self.served.append((caller, served_before))
        if self.fault is not None:
            raise self.fault

    def service(self) -> Service:
        return Service(
            name="visum.v1.MaskService",
            version="0.1.0",
            algorithm_version="1",
            add_to=lambda server: mask_pb2_grpc.add_MaskServiceServicer_to_server(self, server),
            worker=self.worker,
            metrics=self._metrics,
        )


def caller(port: int, credentials: Credentials | None, patience: float = 30.0) -> Services:
    """A client's calls to the server on a port."""
    return Services(RemoteServices({"mask": f"localhost:{port}"}, credentials), unavailable_seconds=patience)


async def ask(services: Services) -> str:
    """Whom the server takes the caller for."""
    answer = await services.call(LIST_MODELS, mask_pb2.ListModelsRequest())
    return answer.models[0].architecture


async def ask_once(port: int, credentials: Credentials | None, patience: float = 30.0) -> str:
    """Whom the server takes a new client for."""
    services = caller(port, credentials, patience)
    try:
        return await ask(services)
    finally:
        await services.close()


def failure_of(port: int, credentials: Credentials | None) -> grpc.RpcError:
    """How a single attempt of a client fails that the server does not let in."""
    target = f"localhost:{port}"
    channel = grpc.secure_channel(target, credentials.for_channel()) if credentials else grpc.insecure_channel(target)
    with channel, pytest.raises(grpc.RpcError) as caught:
        mask_pb2_grpc.MaskServiceStub(channel).ListModels(mask_pb2.ListModelsRequest(), timeout=30)
    return caught.value


async def until(condition: Callable[[], object]) -> None:
    """Waits, as long as a test may take, until something holds."""
    while not condition():
        await asyncio.sleep(0.005)
