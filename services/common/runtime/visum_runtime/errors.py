"""What can go wrong in a service, in the caller's language. Knows no gRPC: `visum_runtime.status` maps it."""

from visum_wire.errors import InvalidInput

__all__ = [
    "Draining",
    "FailedPrecondition",
    "InvalidInput",
    "NotFound",
    "OutOfRange",
    "QueueFull",
    "ServiceError",
    "Stopped",
]


class ServiceError(Exception):
    """Base of the errors whose message is meant for the caller."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class NotFound(ServiceError):
    """What the caller names does not exist."""


class FailedPrecondition(ServiceError):
    """The request is well formed, but the state of things does not admit it."""


class OutOfRange(ServiceError):
    """The request is well formed, but larger than the server's limits."""


class Draining(ServiceError):
    """The server is going away; try again elsewhere."""


class QueueFull(ServiceError):
    """The queue is full; try again after `retry_seconds`."""

    def __init__(self, message: str, *, retry_seconds: float) -> None:
        super().__init__(message)
        self.retry_seconds = retry_seconds


class Stopped(ServiceError):
    """The work was stopped because nobody waits for it any more."""
