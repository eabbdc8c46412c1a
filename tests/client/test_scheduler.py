"""Calls under trouble, against real servers that refuse, fail and vanish."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import grpc
import pytest
from visum.v1 import common_pb2, mask_pb2, mask_pb2_grpc

from tests.support.servers import running
from visum_client import DeadlineError, InvalidInputError, LimitError, NotBuiltError, ServiceFaultError
from visum_client.errors import NotFoundError, ServiceUnavailableError
from visum_client.methods import LIST_MODELS, MEASURE_DROPS, Method
from visum_client.remote import RemoteServices
from visum_client.scheduler import Services
from visum_runtime.errors import Draining, InvalidInput, NotFound, QueueFull
from visum_runtime.metrics import Metrics
from visum_runtime.server import Service
from visum_runtime.settings import ServerSettings
from visum_runtime.worker import Worker


@dataclass
class Scripted(mask_pb2_grpc.MaskServiceServicer):
    """A servicer that answers as it is told, then well. What it raises goes through the real table of errors."""

    troubles: list = field(default_factory=list)
    calls: int = 0
    busy: int = 0
    most_busy: int = 0
    hold: threading.Event = field(default_factory=threading.Event)

    async def ListModels(self, request, context):
        self.calls += 1
        self.busy += 1
        self.most_busy = max(self.busy, self.most_busy)
        try:
            if self.troubles:
                await self._trouble(self.troubles.pop(0), context)
            return mask_pb2.ListModelsResponse(models=[common_pb2.ModelCard(architecture=request.name)])
        finally:
            self.busy -= 1

    async def _trouble(self, trouble, context):
        if isinstance(trouble, grpc.StatusCode):
            await context.abort(trouble, "as told")
        if trouble == "hang":
            await asyncio.Event().wait()
        if trouble == "wait":
            await asyncio.to_thread(self.hold.wait)
        if isinstance(trouble, Exception):
            raise trouble


@contextmanager
def scripted(*troubles, threads: int = 1, port: int = 0) -> Iterator[tuple[Scripted, int]]:
    servicer = Scripted(list(troubles))
    service = Service(
        name="visum.v1.MaskService",
        version="0.1.0",
        algorithm_version="1",
        add_to=lambda server: mask_pb2_grpc.add_MaskServiceServicer_to_server(servicer, server),
        worker=Worker(threads=threads),
        metrics=Metrics(),
    )
    with running(service, ServerSettings(port=port, drain_seconds=0)) as server:
        yield servicer, server.port
        servicer.hold.set()


async def ask(port: int, *, times: int = 1, method: Method = LIST_MODELS, patience: float = 20.0) -> list:
    services = Services(RemoteServices({"mask": f"127.0.0.1:{port}"}), unavailable_seconds=patience)
    try:
        requests = [mask_pb2.ListModelsRequest(name=str(number)) for number in range(times)]
        return await asyncio.gather(*(services.call(method, request) for request in requests))
    finally:
        await services.close()


async def until(condition: Callable[[], object]) -> None:
    """Waits, as long as a test may take, until something holds."""
    while not condition():
        await asyncio.sleep(0.005)


async def test_a_full_queue_is_waited_for_as_often_as_it_takes():
    with scripted(*[QueueFull("full", retry_seconds=0.001)] * 20) as (servicer, port):
        (answer,) = await ask(port)
    assert answer.models[0].architecture == "0"
    assert servicer.calls == 21


@pytest.mark.parametrize("trouble", [Draining("going"), grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED])
async def test_a_server_that_goes_away_is_tried_again(trouble):
    with scripted(trouble, trouble) as (servicer, port):
        (answer,) = await ask(port)
    assert answer.models[0].architecture == "0"
    assert servicer.calls == 3


@pytest.mark.parametrize(
    ("trouble", "kind", "message"),
    [
        (InvalidInput("is bad", field="options.grid"), InvalidInputError, "^options.grid: is bad$"),
        (NotFound("no such model"), NotFoundError, "^mask service: no such model$"),
        (grpc.StatusCode.UNIMPLEMENTED, NotBuiltError, "as told"),
        (RuntimeError("secret"), ServiceFaultError, "^mask service: internal error; the server's log has the details$"),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, LimitError, "as told"),
        (grpc.StatusCode.UNKNOWN, ServiceFaultError, "as told"),
    ],
)
async def test_what_is_refused_is_an_error_at_once(trouble, kind, message):
    with scripted(trouble) as (servicer, port), pytest.raises(kind, match=message):
        await ask(port)
    assert servicer.calls == 1


async def test_a_server_that_stays_away_is_an_error_that_says_where():
    with pytest.raises(ServiceUnavailableError, match=r"the mask service at 127\.0\.0\.1:1 does not answer"):
        await ask(1, patience=0.5)


async def test_a_service_without_an_address_is_an_error():
    services = Services(RemoteServices({"mask": "127.0.0.1:1"}))
    with pytest.raises(ServiceUnavailableError, match="no address was given for the clustering service, only for mask"):
        await services.connection("clustering")
    await services.close()


async def test_a_server_of_another_service_is_an_error():
    with scripted() as (_, port):
        services = Services(RemoteServices({"proposals": f"127.0.0.1:{port}"}))
        with pytest.raises(ServiceUnavailableError, match=r"is visum\.v1\.MaskService, not the proposals service"):
            await services.connection("proposals")
        await services.close()


async def test_a_server_that_hangs_is_an_error_after_the_deadline():
    hasty = Method("mask", "ListModels", LIST_MODELS.request, LIST_MODELS.response, deadline_seconds=0.3)
    with scripted("hang") as (_, port), pytest.raises(DeadlineError):
        await ask(port, method=hasty)


async def test_calls_in_flight_are_bounded_by_what_the_server_likes():
    with scripted(*["wait"] * 12, threads=3) as (servicer, port):
        asking = asyncio.create_task(ask(port, times=20))
        await until(lambda: servicer.busy >= 6)
        servicer.hold.set()
        answers = await asking
    assert servicer.most_busy == 6
    assert [answer.models[0].architecture for answer in answers] == [str(number) for number in range(20)]


async def test_a_call_goes_on_when_its_server_comes_back_at_the_same_place():
    with scripted("hang") as (first, port):
        asking = asyncio.create_task(ask(port))
        await until(lambda: first.calls)
    with scripted(port=port) as (second, _):
        (answer,) = await asking
    assert answer.models[0].architecture == "0"
    assert second.calls == 1


async def test_a_request_that_is_too_large_is_not_sent():
    with scripted() as (_, port):
        services = Services(RemoteServices({"mask": f"127.0.0.1:{port}"}))
        with pytest.raises(LimitError, match="MeasureDrops would need"):
            await services.call(MEASURE_DROPS, mask_pb2.MeasureDropsRequest(masks_png=[bytes(17 << 20)]))
        await services.close()


async def test_cancelling_reaches_the_server():
    with scripted("hang") as (servicer, port):
        asking = asyncio.create_task(ask(port))
        await until(lambda: servicer.busy)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await until(lambda: not servicer.busy)
