"""Calls in flight: at most so many a service, tried again as long as there is hope."""

import asyncio
import logging
import math
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import grpc
from google.protobuf import message
from visum.v1 import clustering_pb2, info_pb2

from visum_client.channels import SPREADING_SCHEME, open_channel
from visum_client.credentials import Credentials
from visum_client.errors import (
    AuthenticationError,
    LimitError,
    ServiceFaultError,
    ServiceUnavailableError,
    VisumError,
    from_rpc,
    retry_seconds,
)
from visum_client.hedging import HedgePolicy, Hedging
from visum_client.lost_workers import Company, Losses
from visum_client.methods import SERVICES, SUMMARIZE, Method, Request, Response, server_info
from visum_client.models import GivenModel
from visum_client.slots import Slots

Answer = TypeVar("Answer")

UNAVAILABLE_SECONDS = 60.0
"""How long one call is tried again while its service is unreachable."""
IN_FLIGHT_FACTOR = 2
"""Calls in flight for each call that keeps a server busy: one is worked on, one waits."""
REPLICA_KEY = "visum-replica"
"""Metadata by which a server tells itself from the other replicas behind its name: leading where it takes a call up,
trailing where it has answered it."""
SIGNS_OF_A_STRANGER = ("CERTIFICATE_VERIFY_FAILED", "Hostname Verification Check failed")
"""What gRPC says where a server's certificate is of another authority, or for another name."""
_FIRST_PAUSE_SECONDS = 0.25
_LONGEST_PAUSE_SECONDS = 5.0
_LONGEST_QUEUE_PAUSE_SECONDS = 30.0

_WORTH_ANOTHER_ATTEMPT = (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)

_log = logging.getLogger("visum_client")


class Backend(Protocol):
    """Where the services run."""

    credentials: Credentials | None
    """How they and the client know each other; None: they speak plain text."""
    images_at: str | None
    """URI where they read images themselves; None: they are sent them."""

    async def address(self, service: str) -> str:
        """Address of a service, started first if it must be. Raises ServiceUnavailableError where there is none."""

    def failure(self, service: str) -> VisumError | None:
        """Why a service will not come back; None while there is hope."""

    def answered(self, service: str) -> None:
        """Takes note that a service answered: what befell it before counts no more."""

    def admit(self, model: GivenModel) -> None:
        """Lets the services use the file of a network that a call names, where that is possible."""

    async def close(self) -> None:
        """Ends what it started."""


@dataclass(frozen=True)
class Connection:
    """A service in reach."""

    service: str
    address: str
    channel: grpc.aio.Channel
    info: info_pb2.GetServerInfoResponse
    slots: Slots = field(default_factory=lambda: Slots(1))
    """Holds calls back beyond what its replicas can use."""
    company: Company = field(default_factory=Company)
    """Keeps calls apart that lost their worker."""

    @property
    def in_flight(self) -> int:
        """Calls that may be in flight at once, as far as the replicas are known by now."""
        return self.slots.limit

    def most_hedged(self) -> int:
        """Calls that may have a second attempt at once: as many as a slow replica holds; none where it is alone."""
        return self.slots.each if self.slots.replicas > 1 or self.address.startswith(SPREADING_SCHEME) else 0


class Services:
    """Calls the services of a backend; connects to each when it is first needed. Belongs to one event loop."""

    def __init__(
        self,
        backend: Backend,
        unavailable_seconds: float = UNAVAILABLE_SECONDS,
        hedge_policy: HedgePolicy | None = None,
    ) -> None:
        self.backend = backend
        self._unavailable_seconds = unavailable_seconds
        self._hedge_policy = hedge_policy or HedgePolicy()
        self._hedging: dict[str, Hedging] = {}
        self._connections: dict[str, asyncio.Task[Connection]] = {}
        self._channels: list[grpc.aio.Channel] = []

    async def connection(self, service: str) -> Connection:
        """The connection to a service.

        Raises:
            ServiceUnavailableError: It cannot be started or reached, or is another service.
        """
        return await asyncio.shield(self._connecting(service))

    def prepare(self, services: Iterable[str]) -> None:
        """Begins to connect to services; what goes wrong is raised where they are needed."""
        for service in services:
            self._connecting(service)

    async def call(self, method: Method[Request, Response], request: Request) -> Response:
        """Sends one request and waits for its answer, as long as it takes.

        A full queue is waited for without end; an unreachable service for a minute. Where a service has several
        replicas, a call that takes far longer than its like is made a second time, and the first answer counts.

        Raises:
            VisumError: The service refused or failed; a subclass says how.
        """
        connection = await self.connection(method.service)
        _check_size(method, request, connection.info)
        stub = _unary(connection.channel, method)
        hedging = self._hedging.setdefault(method.path, Hedging(self._hedge_policy))

        async def attempt() -> Response:
            return await _answer(stub(request, timeout=method.deadline_seconds), connection.slots)

        async with connection.slots:
            return await self._attempts(connection, lambda: hedging.first_answer(attempt, connection.most_hedged))

    async def summarize(
        self,
        requests: Callable[[], Iterable[clustering_pb2.SummarizeRequest]],
        on_progress: Callable[[clustering_pb2.ClusteringProgress], None],
    ) -> clustering_pb2.SummarizeResult:
        """Streams parts and edges to the clustering service and waits for its summaries.

        Args:
            requests: Makes the messages of the stream; called again for another attempt.
            on_progress: Told how far the work is.

        Raises:
            VisumError: As `call`.
        """
        connection = await self.connection(SUMMARIZE.service)
        stub = connection.channel.stream_stream(
            SUMMARIZE.path,
            request_serializer=SUMMARIZE.request.SerializeToString,
            response_deserializer=SUMMARIZE.response.FromString,
        )

        async def attempt() -> clustering_pb2.SummarizeResult:
            return await _summary(stub(_stream(requests()), timeout=SUMMARIZE.deadline_seconds), on_progress)

        async with connection.slots:
            return await self._attempts(connection, attempt)

    async def upload(self, method: Method[Request, Response], requests: Callable[[], Iterable[Request]]) -> Response:
        """Streams requests and waits for the one answer.

        Args:
            method: The call.
            requests: Makes the messages of the stream; called again for another attempt.

        Raises:
            VisumError: As `call`.
        """
        connection = await self.connection(method.service)
        serializer, deserializer = method.request.SerializeToString, method.response.FromString
        stub = connection.channel.stream_unary(
            method.path, request_serializer=serializer, response_deserializer=deserializer
        )
        async with connection.slots:
            return await self._attempts(
                connection,
                lambda: _answer(stub(_stream(requests()), timeout=method.deadline_seconds), connection.slots),
            )

    async def download(self, method: Method[Request, Response], request: Request) -> list[Response]:
        """Sends one request and collects the stream of its answers. Raises VisumError as `call`."""
        connection = await self.connection(method.service)
        serializer, deserializer = method.request.SerializeToString, method.response.FromString
        stub = connection.channel.unary_stream(
            method.path, request_serializer=serializer, response_deserializer=deserializer
        )
        async with connection.slots:
            return await self._attempts(connection, lambda: _collected(stub(request, timeout=method.deadline_seconds)))

    async def close(self) -> None:
        """Closes the channels and the backend."""
        for task in self._connections.values():
            task.cancel()
        await asyncio.gather(*self._connections.values(), return_exceptions=True)
        for channel in self._channels:
            await channel.close()
        await self.backend.close()

    def _connecting(self, service: str) -> asyncio.Task[Connection]:
        task = self._connections.get(service)
        if task is None or (task.done() and (task.cancelled() or task.exception())):
            task = self._connections[service] = asyncio.create_task(self._connect(service))
        return task

    async def _connect(self, service: str) -> Connection:
        address = await self.backend.address(service)
        channel = open_channel(address, self.backend.credentials)
        self._channels.append(channel)
        unknown = Connection(service, address, channel, info_pb2.GetServerInfoResponse())
        method = server_info(service)
        stub = _unary(channel, method)
        request = method.request()
        info = await self._attempts(
            unknown, lambda: _answer(stub(request, timeout=method.deadline_seconds), unknown.slots)
        )
        if info.service != SERVICES[service]:
            raise ServiceUnavailableError(f"the server at {address} is {info.service}, not the {service} service")
        slots = Slots(max(1, info.preferred_concurrency) * IN_FLIGHT_FACTOR)
        return Connection(service, address, channel, info, slots)

    async def _attempts(self, connection: Connection, attempt: Callable[[], Awaitable[Answer]]) -> Answer:
        losses, give_up = Losses(), math.inf
        pause = _FIRST_PAUSE_SECONDS
        while True:
            try:
                async with connection.company.joined(losses, connection.slots.each):
                    answer = await attempt()
                self._note_answer(connection)
                return answer
            except grpc.aio.AioRpcError as error:
                wait, is_lost = _queue_seconds(error), _has_lost_worker(error)
                if wait is None and error.code() not in _WORTH_ANOTHER_ATTEMPT:
                    self._note_answer(connection)
                    raise from_rpc(error, connection.service) from None
                if is_lost and connection.company.lose(losses, connection.slots.each):
                    raise _blamed(connection, losses) from None
                if is_lost or wait is not None:
                    give_up, pause = math.inf, _FIRST_PAUSE_SECONDS
                else:
                    give_up = min(give_up, time.monotonic() + self._unavailable_seconds)
                if failure := self._hopeless(connection, give_up, error.details()):
                    raise failure from None
                _log.debug("%s service: %s; trying again", connection.service, error.details())
            await asyncio.sleep(_jittered(pause if wait is None else wait))
            connection.company.look_at_others(losses)
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)

    def _note_answer(self, connection: Connection) -> None:
        connection.company.note_answer()
        self.backend.answered(connection.service)

    def _hopeless(self, connection: Connection, give_up: float, details: str | None) -> VisumError | None:
        if failure := self.backend.failure(connection.service):
            return failure
        where = f"the {connection.service} service at {connection.address}"
        if any(sign in (details or "") for sign in SIGNS_OF_A_STRANGER):
            return AuthenticationError(
                f"{where} shows a certificate that is not trusted here", "tls_ca", cause=details or ""
            )
        # Where other calls reach the service, it is there: each crash of a worker hides it for a while.
        if time.monotonic() < max(give_up, connection.company.latest_sign + self._unavailable_seconds):
            return None
        what = f"{where} does not answer ({details or 'unavailable'})"
        return ServiceUnavailableError(f"{what}; is it running, and does it speak TLS? `visum doctor` checks")


def _unary(
    channel: grpc.aio.Channel, method: Method[Request, Response]
) -> grpc.aio.UnaryUnaryMultiCallable[Request, Response]:
    serializer, deserializer = method.request.SerializeToString, method.response.FromString
    return channel.unary_unary(method.path, request_serializer=serializer, response_deserializer=deserializer)


async def _answer(call: Any, slots: Slots) -> Any:
    """Waits for a call. gRPC reports a call that the *server* cancelled as if this task had been: told apart here."""
    try:
        answer = await call
        for key, replica in await call.trailing_metadata():
            if key == REPLICA_KEY:
                slots.hear(str(replica))
        return answer
    except asyncio.CancelledError:
        _raise_unless_ours(call)
        raise


async def _collected(call: Any) -> list[Any]:
    try:
        return [response async for response in call]
    except asyncio.CancelledError:
        _raise_unless_ours(call)
        raise


async def _summary(
    call: Any, on_progress: Callable[[clustering_pb2.ClusteringProgress], None]
) -> clustering_pb2.SummarizeResult:
    try:
        async for response in call:
            if response.WhichOneof("content") == "result":
                result: clustering_pb2.SummarizeResult = response.result
                return result
            on_progress(response.progress)
    except asyncio.CancelledError:
        _raise_unless_ours(call)
        raise
    raise _server_cancelled("the answer ended without a result")


def _raise_unless_ours(call: Any) -> None:
    task = asyncio.current_task()
    if task is None or not task.cancelling():
        raise _server_cancelled("the service cancelled the call")
    call.cancel()


def _server_cancelled(text: str) -> grpc.aio.AioRpcError:
    empty = grpc.aio.Metadata()
    return grpc.aio.AioRpcError(grpc.StatusCode.UNAVAILABLE, empty, empty, details=text)


async def _stream(requests: Iterable[Request]) -> AsyncIterator[Request]:
    for request in requests:
        yield request


def _check_size(method: Method[Any, Any], request: message.Message, info: info_pb2.GetServerInfoResponse) -> None:
    size = request.ByteSize()
    if info.max_message_bytes and size > info.max_message_bytes:
        raise LimitError(f"{method.name} would need {size} bytes; the service takes at most {info.max_message_bytes}")


def _queue_seconds(error: grpc.aio.AioRpcError) -> float | None:
    """How long to leave a full queue alone; None where it is something else."""
    if error.code() is not grpc.StatusCode.RESOURCE_EXHAUSTED or (seconds := retry_seconds(error)) is None:
        return None
    return min(seconds, _LONGEST_QUEUE_PAUSE_SECONDS)


def _has_lost_worker(error: grpc.aio.AioRpcError) -> bool:
    """True where a server took the call up, and was gone before it said how it ended."""
    if error.code() is not grpc.StatusCode.UNAVAILABLE:
        return False
    return REPLICA_KEY in error.initial_metadata() and REPLICA_KEY not in error.trailing_metadata()


def _blamed(connection: Connection, losses: Losses) -> VisumError:
    """The error of a call that ends its worker; where it is one of many, of the service."""
    if connection.company.is_service_to_blame:
        return ServiceUnavailableError(
            f"the {connection.service} service at {connection.address} ended again and again, whatever it was asked; "
            "its log says more"
        )
    return ServiceFaultError(
        f"{connection.service} service: its process ended {losses.total} times at this call, {losses.alone} times "
        "while it worked on nothing else"
    )


def _jittered(seconds: float) -> float:
    return seconds * random.uniform(0.8, 1.2)
