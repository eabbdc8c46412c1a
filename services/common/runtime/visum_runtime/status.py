"""The one table from errors to gRPC statuses."""

import asyncio

import grpc
from google.protobuf import any_pb2, duration_pb2, message
from google.rpc import code_pb2, error_details_pb2, status_pb2

from visum_runtime.errors import (
    Draining,
    FailedPrecondition,
    InvalidInput,
    NotFound,
    OutOfRange,
    QueueFull,
    Stopped,
)

_CODES: dict[type[BaseException], int] = {
    InvalidInput: code_pb2.INVALID_ARGUMENT,
    NotFound: code_pb2.NOT_FOUND,
    FailedPrecondition: code_pb2.FAILED_PRECONDITION,
    OutOfRange: code_pb2.OUT_OF_RANGE,
    QueueFull: code_pb2.RESOURCE_EXHAUSTED,
    Draining: code_pb2.UNAVAILABLE,
    Stopped: code_pb2.CANCELLED,
    asyncio.CancelledError: code_pb2.CANCELLED,
}
_NAMES = {code.value[0]: code for code in grpc.StatusCode}
_MAX_TEXT = 500
INTERNAL_MESSAGE = "internal error; the server's log has the details"
OUT_OF_MEMORY_MESSAGE = "this call needs more memory than the server has"


def status_of(error: BaseException) -> status_pb2.Status:
    """The status that a caller gets; what is not in the table is INTERNAL and says nothing of the inside."""
    if isinstance(error, message.DecodeError):
        error = InvalidInput("is not a message of the kind that this call takes", field="request")
    if isinstance(error, MemoryError):
        return status_pb2.Status(code=code_pb2.RESOURCE_EXHAUSTED, message=OUT_OF_MEMORY_MESSAGE)
    code = next((code for kind, code in _CODES.items() if isinstance(error, kind)), code_pb2.INTERNAL)
    if code == code_pb2.INTERNAL:
        return status_pb2.Status(code=code, message=INTERNAL_MESSAGE)
    return status_pb2.Status(
        code=code, message=_cut(str(error)), details=[_packed(detail) for detail in _details(error)]
    )


def code_of(status: status_pb2.Status) -> grpc.StatusCode:
    """The grpc enumeration member of a status."""
    return _NAMES[status.code]


def _details(error: BaseException) -> list[message.Message]:
    if isinstance(error, InvalidInput):
        violation = error_details_pb2.BadRequest.FieldViolation(
            field=_cut(error.field), description=_cut(error.message)
        )
        return [error_details_pb2.BadRequest(field_violations=[violation])]
    if isinstance(error, QueueFull):
        delay = duration_pb2.Duration()
        delay.FromMilliseconds(round(error.retry_seconds * 1000))
        return [error_details_pb2.RetryInfo(retry_delay=delay)]
    return []


def _cut(text: str) -> str:
    """Errors travel in headers, whose size is limited; a caller's own words may make them long."""
    return text if len(text) <= _MAX_TEXT else text[: _MAX_TEXT - 1] + "…"


def _packed(detail: message.Message) -> any_pb2.Any:
    packed = any_pb2.Any()
    packed.Pack(detail)
    return packed
