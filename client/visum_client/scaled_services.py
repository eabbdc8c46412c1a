"""Services of a Kubernetes cluster with more replicas for a while."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Mapping

from visum_client import kube
from visum_client.connected import Connected
from visum_client.errors import InvalidInputError
from visum_client.methods import SERVICES

READY_SECONDS = 900.0
"""How long replicas may take to become ready."""


@contextlib.contextmanager
def scaled_services(
    namespace: str, context: str | None, ready_seconds: float, replicas: Mapping[str, int]
) -> Iterator[None]:
    """Scales services, by number of replicas, and scales them back at the end. As `Client.scaled`."""
    if unknown := sorted(replicas.keys() - SERVICES):
        raise InvalidInputError(f"is no service; services are {', '.join(SERVICES)}", unknown[0])
    cluster = kube.load("cluster").Cluster.connect(namespace, context)
    with kube.load("scaling").scaled(cluster, replicas, ready_seconds):
        yield


class ScaledCall(Connected):
    """Scaling as a call of the client."""

    @contextlib.asynccontextmanager
    async def scaled(
        self,
        *,
        namespace: str = "visum",
        context: str | None = None,
        ready_seconds: float = READY_SECONDS,
        **replicas: int,
    ) -> AsyncIterator[None]:
        """As `Client.scaled`, for an `async with` statement."""
        services = scaled_services(namespace, context, ready_seconds, replicas)
        async with contextlib.AsyncExitStack() as stack:
            await asyncio.to_thread(services.__enter__)
            stack.push_async_exit(lambda *error: asyncio.to_thread(services.__exit__, *error))
            yield
