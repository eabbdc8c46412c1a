"""Who calls: so that limits and the queue are shared by callers, not by calls."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from visum_runtime.errors import QueueFull

NOBODY = ""
"""The caller of work that no call asked for."""
_current: ContextVar[str] = ContextVar("visum_caller", default=NOBODY)


def current_caller() -> str:
    """The caller whose call the present task answers."""
    return _current.get()


def caller_of(context: Any, token_name: str | None) -> str:
    """Who makes a call: the name of its token, else of its certificate, else its address.

    Args:
        context: The call's `grpc.aio.ServicerContext`.
        token_name: Name that its token belongs to.
    """
    if token_name is not None:
        return f"token {token_name}"
    shown = context.auth_context()
    for key in ("x509_common_name", "x509_subject_alternative_name"):
        for name in filter(None, shown.get(key, ())):
            return f"certificate {name.decode('utf-8', 'replace')}"
    return f"address {context.peer().rpartition(':')[0]}"


class CallsInFlight:
    """The calls of each caller that are not answered yet: at most `most`."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._calls: Counter[str] = Counter()

    @contextmanager
    def admitted(self, caller: str, retry_seconds: float) -> Iterator[None]:
        """Counts a call while it lasts, and makes its caller the current one.

        Raises:
            QueueFull: The caller has as many in flight as one may have.
        """
        if self._calls[caller] >= self._most:
            raise QueueFull(f"{self._most} calls of this caller are in flight", retry_seconds=retry_seconds)
        self._calls[caller] += 1
        _current.set(caller)
        try:
            yield
        finally:
            self._calls[caller] -= 1
            if not self._calls[caller]:
                del self._calls[caller]
