"""The clustering server: settings and wiring."""

from dataclasses import dataclass
from importlib.metadata import version

from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]
from visum.v1 import clustering_pb2_grpc

from visum_clustering import ALGORITHM_VERSION
from visum_clustering.requests import Limits
from visum_clustering.servicer import ClusteringServicer
from visum_runtime.metrics import Metrics
from visum_runtime.server import Service
from visum_runtime.settings import ServerSettings, setting
from visum_runtime.worker import Worker


@dataclass(frozen=True, kw_only=True)
class ClusteringSettings(ServerSettings):
    """Settings of the clustering server.

    Raises:
        ValueError: A value is out of its range; the message names the field.
    """

    max_parts: int = setting(50_000, "parts of a class at most; more are answered OUT_OF_RANGE")
    max_edges: int = setting(10_000_000, "match scores of a class at most; more are answered OUT_OF_RANGE")
    max_bytes: int = setting(1 << 30, "bytes of a class at most, all its messages together; more: OUT_OF_RANGE")

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("max_parts", "max_edges", "max_bytes"):
            if getattr(self, name) < 1:
                raise ValueError(f"setting {name} must be at least 1")


def build(settings: ClusteringSettings) -> Service:
    """The clustering service, wired."""
    metrics = Metrics()
    worker = Worker(
        threads=settings.threads,
        capacity=settings.queue_capacity,
        metrics=metrics,
        # Matrix products sum in an order that depends on their threads, and the worker's own threads fill the cores.
        prepare=lambda: threadpool_limits(1),
    )
    limits = Limits(parts=settings.max_parts, edges=settings.max_edges, bytes=settings.max_bytes)
    servicer = ClusteringServicer(worker, limits)
    return Service(
        name="visum.v1.ClusteringService",
        version=version("visum-clustering"),
        algorithm_version=ALGORITHM_VERSION,
        add_to=lambda server: clustering_pb2_grpc.add_ClusteringServiceServicer_to_server(servicer, server),
        worker=worker,
        metrics=metrics,
    )
