"""What can go wrong, in the user's language. No gRPC exception leaves the client: `from_rpc` translates it."""

from collections.abc import Iterator
from typing import TypeVar

import grpc
from google.protobuf import message
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

Detail = TypeVar("Detail", bound=message.Message)


class VisumError(Exception):
    """Base of all errors of the client. `str(error)` says what was wrong and, where there is one, what to do.

    Args:
        message: The text for the user.
        field: The parameter, image or message field that it is about; empty if none.
    """

    def __init__(self, message: str, field: str = "") -> None:
        super().__init__(message, field)
        self.message = message
        self.field = field

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message


class InvalidInputError(VisumError, ValueError):
    """Something given is missing, malformed or out of range; `field` names it."""


class NotFoundError(VisumError):
    """What was named does not exist."""


class PreconditionError(VisumError):
    """The request is well formed, but the state of things does not admit it."""


class LimitError(VisumError):
    """The request is larger than a service's limits."""


class NotBuiltError(VisumError):
    """The service does not do this yet."""


class ServiceUnavailableError(VisumError):
    """A service could not be started or reached, or is gone."""


class DeadlineError(VisumError):
    """A service did not answer in time."""


class ServiceFaultError(VisumError):
    """A service failed by a fault of its own; its log has the details."""


class RunFolderError(VisumError):
    """A run folder is in use, of another configuration, not a run folder, or damaged."""


class TooFewImagesError(VisumError):
    """Too few images are left to look for recurring parts."""


_KINDS: dict[grpc.StatusCode, type[VisumError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidInputError,
    grpc.StatusCode.NOT_FOUND: NotFoundError,
    grpc.StatusCode.FAILED_PRECONDITION: PreconditionError,
    grpc.StatusCode.OUT_OF_RANGE: LimitError,
    grpc.StatusCode.RESOURCE_EXHAUSTED: LimitError,
    grpc.StatusCode.UNIMPLEMENTED: NotBuiltError,
    grpc.StatusCode.UNAVAILABLE: ServiceUnavailableError,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineError,
}


def from_rpc(error: grpc.aio.AioRpcError, service: str) -> VisumError:
    """The error that a user gets for a failed call of a service."""
    text = error.details() or error.code().name
    kind = _KINDS.get(error.code(), ServiceFaultError)
    if kind is InvalidInputError:
        for violation in invalid_fields(error):
            return InvalidInputError(violation.description or text, violation.field)
    return kind(f"{service} service: {text}")


def invalid_fields(error: grpc.aio.AioRpcError) -> Iterator[error_details_pb2.BadRequest.FieldViolation]:
    """The fields that a service says are wrong."""
    for request in _details(error, error_details_pb2.BadRequest()):
        yield from request.field_violations


def retry_seconds(error: grpc.aio.AioRpcError) -> float | None:
    """After how many seconds a service says to try again; None where it says nothing."""
    for info in _details(error, error_details_pb2.RetryInfo()):
        return float(info.retry_delay.ToMilliseconds() / 1000)
    return None


def _details(error: grpc.aio.AioRpcError, detail: Detail) -> Iterator[Detail]:
    status = _status(error)
    for packed in status.details if status else ():
        if packed.Unpack(detail):
            yield detail


def _status(error: grpc.aio.AioRpcError) -> status_pb2.Status | None:
    try:
        return rpc_status.from_call(error)
    except (ValueError, message.DecodeError):
        return None  # a server of another kind: its code and text stand alone
