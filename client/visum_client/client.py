"""The same calls for ordinary programs and notebooks: each waits for its result."""

import contextlib
import functools
from collections.abc import Callable, Coroutine, Iterator, Mapping
from types import TracebackType
from typing import Any, Concatenate, ParamSpec, Self, TypeVar

from visum_client.async_client import AsyncClient
from visum_client.credentials import Credentials
from visum_client.errors import VisumError
from visum_client.local import LocalSettings
from visum_client.loop import LoopThread
from visum_client.scaled_services import READY_SECONDS, scaled_services

Given = ParamSpec("Given")
Result = TypeVar("Result")


def _waiting(
    call: Callable[Concatenate[AsyncClient, Given], Coroutine[Any, Any, Result]],
) -> Callable[Concatenate["Client", Given], Result]:
    """A call of `AsyncClient` as a method of `Client`."""

    @functools.wraps(call)
    def waiting(client: "Client", /, *args: Given.args, **kwargs: Given.kwargs) -> Result:
        return client._wait(call(client._calls, *args, **kwargs))

    return waiting


class Client:
    """Runs classes on visum services. Close it, or use it in a `with` statement.

    Make one by `Client.local()`, `Client.connect(...)` or `Client.from_env()`. Its methods are those of `AsyncClient`;
    they wait for their results and may be used in notebooks.
    """

    def __init__(self, calls: AsyncClient) -> None:
        self._calls = calls
        self._loop: LoopThread | None = LoopThread()

    @classmethod
    def local(cls, settings: LocalSettings | None = None) -> Self:
        """A client with services of its own: processes of this machine, started when first needed, ended with it."""
        return cls(AsyncClient.local(settings))

    @classmethod
    def connect(cls, services: str, credentials: Credentials | None = None, *, images_at: str | None = None) -> Self:
        """A client of running services. As `AsyncClient.connect`."""
        return cls(AsyncClient.connect(services, credentials, images_at=images_at))

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Self:
        """A client of the services that the environment names. As `AsyncClient.from_env`."""
        return cls(AsyncClient.from_env(environ))

    summarize = _waiting(AsyncClient.summarize)
    summarize_all = _waiting(AsyncClient.summarize_all)
    masks = _waiting(AsyncClient.masks)
    describe = _waiting(AsyncClient.describe)
    match = _waiting(AsyncClient.match)
    cluster = _waiting(AsyncClient.cluster)
    specialize = _waiting(AsyncClient.specialize)
    score = _waiting(AsyncClient.score)
    compare_classes = _waiting(AsyncClient.compare_classes)
    model = _waiting(AsyncClient.model)
    models = _waiting(AsyncClient.models)
    server_info = _waiting(AsyncClient.server_info)

    @contextlib.contextmanager
    def scaled(
        self,
        *,
        namespace: str = "visum",
        context: str | None = None,
        ready_seconds: float = READY_SECONDS,
        **replicas: int,
    ) -> Iterator[None]:
        """Services of a Kubernetes cluster with more replicas for a while: `with client.scaled(mask=8): ...`.

        Scales up, waits until the replicas are ready, and scales back at the end, also after an error. Needs the extra
        `visum-client[kubernetes]`.

        Args:
            namespace: Namespace of the services.
            context: A context of the kubeconfig; None: the current one, or the cluster around this process.
            ready_seconds: How long the replicas may take to become ready.
            **replicas: Number by service.

        Raises:
            InvalidInputError: A service is unknown, or a number out of range.
            ServiceUnavailableError: The replicas were not ready in time.
            VisumError: The cluster refuses.
        """
        with scaled_services(namespace, context, ready_seconds, replicas):
            yield

    def close(self) -> None:
        """Closes the connections and ends local services."""
        if self._loop is not None:
            self._wait(self._calls.close())
            self._loop.close()
            self._loop = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __reduce__(self) -> tuple[Callable[[AsyncClient], Self], tuple[AsyncClient]]:
        """As that of `AsyncClient`."""
        return type(self), (self._calls,)

    def _wait(self, work: Coroutine[Any, Any, Result]) -> Result:
        if self._loop is None:
            work.close()
            raise VisumError("the client is closed", what_to_do="make a new one")
        return self._loop.run(work)
