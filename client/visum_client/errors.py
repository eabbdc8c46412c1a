"""What can go wrong, in the user's language. No gRPC exception leaves the client: `from_rpc` translates it."""

from collections.abc import Iterator
from typing import ClassVar, TypeVar

import grpc
from google.protobuf import message
from google.rpc import error_details_pb2, status_pb2
from grpc_status import rpc_status

Detail = TypeVar("Detail", bound=message.Message)


class VisumError(Exception):
    """Base of all errors of the client. `str(error)` says what was wrong, with what, and what to do.

    Args:
        message: What was wrong, for the user.
        field: The parameter, image or message field that it is about; empty if none.
        image: The image that it is about, as the user named it; empty if none.
        what_to_do: What helps; empty: the kind of error says it.
        cause: What a service or the system said, for reports of faults; empty if nothing.
    """

    advice: ClassVar[str] = "see the message; `visum doctor` checks the installation and the services"

    def __init__(
        self, message: str, field: str = "", *, image: str = "", what_to_do: str = "", cause: str = ""
    ) -> None:
        super().__init__(message, field)
        self.message = message
        self.field = field
        self.image = image
        self.cause = cause
        self._what_to_do = what_to_do

    @property
    def what_to_do(self) -> str:
        """What helps."""
        return self._what_to_do or self.advice

    def __str__(self) -> str:
        field = "" if self.image and self.field == "image" else self.field
        where = "".join(f"{part}: " for part in (self.image, field) if part)
        return f"{where}{self.message}{f'; {self._what_to_do}' if self._what_to_do else ''}"


class InvalidInputError(VisumError, ValueError):
    """Something given is missing, malformed or out of range; `field` names it."""

    advice = "correct what `field` names and call again"


class NotFoundError(VisumError):
    """What was named does not exist."""

    advice = "check the name; the message suggests near ones where there are any"


class PreconditionError(VisumError):
    """The request is well formed, but the state of things does not admit it."""

    advice = "bring about what the message asks for and call again"


class LimitError(VisumError):
    """The request is larger than a service's limits."""

    advice = "ask for less at once, or raise the limit in the settings of the service"


class NotBuiltError(VisumError):
    """The service does not do this."""

    advice = "bring client and services to the same version; `visum doctor` compares them"


class ServiceUnavailableError(VisumError):
    """A service could not be started or reached, or is gone."""

    advice = "see that the service runs; `visum doctor` checks. The same call goes on where it was"


class AuthenticationError(VisumError):
    """A service does not know this client, or this client does not trust the service."""

    advice = "give the authority, the certificate or the token that belong to the service: `--tls-ca`, `--token-file`"


class DeadlineError(VisumError):
    """A service did not answer in time."""

    advice = "see whether the service is overloaded. The same call goes on where it was"


class ServiceFaultError(VisumError):
    """A service failed by a fault of its own; its log has the details."""

    advice = "look into the log of the service. The same call goes on where it was"


class RunFolderError(VisumError):
    """A run folder is in use, of another configuration, not a run folder, or damaged."""

    advice = "choose another folder, or overwrite this one"


class TooFewImagesError(VisumError):
    """Too few images are left to look for recurring parts."""

    advice = "give more images of the class, or let images of another best class take part"


_KINDS: dict[grpc.StatusCode, type[VisumError]] = {
    grpc.StatusCode.INVALID_ARGUMENT: InvalidInputError,
    grpc.StatusCode.NOT_FOUND: NotFoundError,
    grpc.StatusCode.FAILED_PRECONDITION: PreconditionError,
    grpc.StatusCode.OUT_OF_RANGE: LimitError,
    grpc.StatusCode.RESOURCE_EXHAUSTED: LimitError,
    grpc.StatusCode.UNIMPLEMENTED: NotBuiltError,
    grpc.StatusCode.UNAUTHENTICATED: AuthenticationError,
    grpc.StatusCode.UNAVAILABLE: ServiceUnavailableError,
    grpc.StatusCode.DEADLINE_EXCEEDED: DeadlineError,
}


def from_rpc(error: grpc.aio.AioRpcError, service: str) -> VisumError:
    """The error that a user gets for a failed call of a service."""
    text = error.details() or error.code().name
    cause = f"{service} service: {error.code().name}: {error.details()}"
    kind = _KINDS.get(error.code(), ServiceFaultError)
    if kind is InvalidInputError:
        for violation in invalid_fields(error):
            return InvalidInputError(violation.description or text, violation.field, cause=cause)
    return kind(f"{service} service: {text}", cause=cause)


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
