"""Around every call: its caller is known and limited, errors become statuses, times are counted, one line is logged."""

import asyncio
import inspect
import logging
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from typing import Any

import grpc
from google.protobuf.message import DecodeError
from grpc_status import rpc_status

from visum_runtime.callers import CallsInFlight, caller_of
from visum_runtime.logs import log
from visum_runtime.metrics import Metrics
from visum_runtime.status import code_of, status_of
from visum_runtime.tokens import Tokens
from visum_runtime.worker import Worker

REPLICA_KEY = "visum-replica"
"""Metadata of every call: which replica has it. Leading as soon as it is taken up, so that clients tell a lost worker
from one that was never reached; trailing with its end. So they also know how many replicas stand behind a name."""
NO_TOKEN = "no token that is known here was shown"
Continuation = Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler | None]]
Around = Callable[[grpc.aio.ServicerContext], AbstractAsyncContextManager[None]]
_QUIET_SERVICES = ("/grpc.health.", "/grpc.reflection.")


class ProbeInterceptor(grpc.aio.ServerInterceptor):
    """Maps errors of a port for probes by the one table; nothing is counted."""

    async def intercept_service(
        self, continuation: Continuation, handler_call_details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler | None:
        """Wraps the handler of a method."""
        handler = await continuation(handler_call_details)
        return None if handler is None else _rebuilt(handler, _answered)


class CallInterceptor(grpc.aio.ServerInterceptor):
    """Admits callers, maps errors by the one table, counts and logs each call of a visum service.

    Args:
        metrics: Where calls are counted.
        worker: Where their work is done.
        tokens: Callers must show one of them; None: they need not.
        max_calls_per_caller: Calls of one caller in flight at most; 0: as many as can be worked on and wait.
    """

    def __init__(self, metrics: Metrics, worker: Worker, tokens: Tokens | None, max_calls_per_caller: int) -> None:
        self._metrics = metrics
        self._worker = worker
        self._tokens = tokens
        self._in_flight = CallsInFlight(max_calls_per_caller or worker.threads * worker.max_batch + worker.capacity)
        self._replica = ((REPLICA_KEY, secrets.token_hex(8)),)

    async def intercept_service(
        self, continuation: Continuation, handler_call_details: grpc.HandlerCallDetails
    ) -> grpc.RpcMethodHandler | None:
        """Refuses who shows no token where one is asked for; wraps the handler of a visum method."""
        handler = await continuation(handler_call_details)
        method = handler_call_details.method
        if handler is None:
            return None
        name = None
        if self._tokens is not None:
            name = self._tokens.name_of(_authorization(handler_call_details))
            if name is None:
                return self._refusal(method)
        if method.startswith(_QUIET_SERVICES):
            return _rebuilt(handler, _answered)
        return _rebuilt(handler, partial(self._watched, method, name))

    def _refusal(self, method: str) -> grpc.RpcMethodHandler:
        """A handler that reads nothing of what it is sent."""

        async def refuse(_requests: Any, context: grpc.aio.ServicerContext) -> None:
            log("refused", logging.WARNING, method=method, caller=caller_of(context, None))
            self._metrics.calls.labels(method, grpc.StatusCode.UNAUTHENTICATED.name).inc()
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, NO_TOKEN)

        return grpc.stream_stream_rpc_method_handler(refuse)

    @asynccontextmanager
    async def _watched(self, method: str, name: str | None, context: grpc.aio.ServicerContext) -> AsyncIterator[None]:
        started = time.monotonic()
        caller = caller_of(context, name)
        context.set_trailing_metadata(self._replica)
        self._metrics.calls_in_flight.inc()
        code = grpc.StatusCode.OK
        status = None
        try:
            with self._in_flight.admitted(caller, self._worker.retry_seconds()):
                await context.send_initial_metadata(self._replica)
                yield
        except asyncio.CancelledError:
            code = grpc.StatusCode.CANCELLED
            raise
        except Exception as error:
            status = status_of(error)
            code = code_of(status)
            if code is grpc.StatusCode.INTERNAL:
                log("fault", logging.ERROR, error=error, method=method)
        finally:
            seconds = time.monotonic() - started
            self._metrics.calls_in_flight.dec()
            self._metrics.calls.labels(method, code.name).inc()
            self._metrics.call_seconds.labels(method).observe(seconds)
            log("call", method=method, caller=caller, code=code.name, seconds=round(seconds, 4))
        if status is not None:  # after all else: who reads the answer finds its call counted
            await context.abort_with_status(rpc_status.to_status(status))


def _authorization(details: grpc.HandlerCallDetails) -> str:
    for key, value in details.invocation_metadata or ():
        if key == "authorization" and isinstance(value, str):
            return value
    return ""


@asynccontextmanager
async def _answered(context: grpc.aio.ServicerContext) -> AsyncIterator[None]:
    """Lets a call be answered; errors become statuses, and nothing is counted."""
    try:
        yield
    except grpc.aio.AbortError:
        raise
    except Exception as error:
        await context.abort_with_status(rpc_status.to_status(status_of(error)))


def _rebuilt(handler: grpc.RpcMethodHandler, around: Around) -> grpc.RpcMethodHandler:
    """The handler of a method, each call of which is answered within a context."""
    behaviour: Any = _behaviour(handler)

    async def whole(request: Any, context: grpc.aio.ServicerContext) -> Any:
        async with around(context):
            if isinstance(request, DecodeError):
                raise request
            return await behaviour(request, context)

    async def stream(request: Any, context: grpc.aio.ServicerContext) -> AsyncIterator[Any]:
        async with around(context):
            if isinstance(request, DecodeError):
                raise request
            async for response in behaviour(request, context):
                yield response

    makers = {
        (False, False): grpc.unary_unary_rpc_method_handler,
        (False, True): grpc.unary_stream_rpc_method_handler,
        (True, False): grpc.stream_unary_rpc_method_handler,
        (True, True): grpc.stream_stream_rpc_method_handler,
    }
    maker = makers[handler.request_streaming, handler.response_streaming]
    # A stream raises what it cannot read where it is read; a single message must arrive for its call to be answered.
    parse: Any = handler.request_deserializer
    parse = parse if handler.request_streaming else _reader(parse)
    generates = handler.response_streaming and not inspect.iscoroutinefunction(behaviour)  # else it writes by itself
    return maker(stream if generates else whole, parse, handler.response_serializer)


def _behaviour(handler: grpc.RpcMethodHandler) -> Callable:
    found = (handler.unary_unary, handler.unary_stream, handler.stream_unary, handler.stream_stream)
    return next(behaviour for behaviour in found if behaviour is not None)


def _reader(parse: Callable[[bytes], Any]) -> Callable[[bytes], Any]:
    """Parses a message; answers the error where it is none."""

    def read(data: bytes) -> Any:
        try:
            return parse(data)
        except DecodeError as error:
            return error

    return read
