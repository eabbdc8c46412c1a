"""Around every call: errors become statuses, times are counted, one line is logged."""

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import grpc
from grpc_status import rpc_status

from visum_runtime.logs import log
from visum_runtime.metrics import Metrics
from visum_runtime.status import code_of, status_of

REPLICA_KEY = "visum-replica"
"""Trailing metadata of every answer: which replica gave it, so that clients know how many stand behind a name."""
_QUIET_SERVICES = ("/grpc.health.", "/grpc.reflection.")


class CallInterceptor(grpc.aio.ServerInterceptor):
    """Maps errors by the one table, counts and logs each call of a visum service."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._replica = ((REPLICA_KEY, secrets.token_hex(8)),)

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[grpc.RpcMethodHandler | None]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> grpc.RpcMethodHandler | None:
        """Wraps the handler of a visum method; leaves health and reflection alone."""
        handler = await continuation(handler_call_details)
        method = handler_call_details.method
        if handler is None or method.startswith(_QUIET_SERVICES):
            return handler
        if handler.response_streaming:
            return _rebuilt(handler, self._around_stream(handler, method))
        return _rebuilt(handler, self._around_unary(handler, method))

    def _around_unary(self, handler: grpc.RpcMethodHandler, method: str) -> Callable:
        behaviour: Any = handler.stream_unary if handler.request_streaming else handler.unary_unary

        async def call(request: Any, context: grpc.aio.ServicerContext) -> Any:
            async with self._watched(method, context):
                return await behaviour(request, context)

        return call

    def _around_stream(self, handler: grpc.RpcMethodHandler, method: str) -> Callable:
        behaviour: Any = handler.stream_stream if handler.request_streaming else handler.unary_stream

        async def call(request: Any, context: grpc.aio.ServicerContext) -> AsyncIterator[Any]:
            async with self._watched(method, context):
                async for response in behaviour(request, context):
                    yield response

        return call

    @asynccontextmanager
    async def _watched(self, method: str, context: grpc.aio.ServicerContext) -> AsyncIterator[None]:
        started = time.monotonic()
        context.set_trailing_metadata(self._replica)
        self._metrics.calls_in_flight.inc()
        code = grpc.StatusCode.OK
        try:
            yield
        except asyncio.CancelledError:
            code = grpc.StatusCode.CANCELLED
            raise
        except Exception as error:
            status = status_of(error)
            code = code_of(status)
            if code is grpc.StatusCode.INTERNAL:
                log("fault", logging.ERROR, error=error, method=method)
            await context.abort_with_status(rpc_status.to_status(status))
        finally:
            seconds = time.monotonic() - started
            self._metrics.calls_in_flight.dec()
            self._metrics.calls.labels(method, code.name).inc()
            self._metrics.call_seconds.labels(method).observe(seconds)
            log("call", method=method, code=code.name, seconds=round(seconds, 4))


def _rebuilt(handler: grpc.RpcMethodHandler, behaviour: Callable) -> grpc.RpcMethodHandler:
    makers = {
        (False, False): grpc.unary_unary_rpc_method_handler,
        (False, True): grpc.unary_stream_rpc_method_handler,
        (True, False): grpc.stream_unary_rpc_method_handler,
        (True, True): grpc.stream_stream_rpc_method_handler,
    }
    maker = makers[handler.request_streaming, handler.response_streaming]
    return maker(behaviour, handler.request_deserializer, handler.response_serializer)
