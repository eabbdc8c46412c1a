"""A server process of the real runtime whose work is to wait: `python -m tests.support.replica --seconds 0.1`."""

import threading
from dataclasses import dataclass

from visum.v1 import common_pb2, mask_pb2, mask_pb2_grpc

from visum_runtime.metrics import Metrics
from visum_runtime.server import Service, run
from visum_runtime.settings import ServerSettings, setting
from visum_runtime.worker import Worker


@dataclass(frozen=True, kw_only=True)
class ReplicaSettings(ServerSettings):
    """Settings of a replica."""

    seconds: float = setting(0.05, "time that a call takes")


class WaitingServicer(mask_pb2_grpc.MaskServiceServicer):
    """ListModels waits on the worker's thread, and answers with the address of its server."""

    def __init__(self, worker: Worker, settings: ReplicaSettings) -> None:
        self._worker = worker
        self._settings = settings

    async def ListModels(self, request, context):
        await self._worker.submit(self._wait, None)
        return mask_pb2.ListModelsResponse(models=[common_pb2.ModelCard(architecture=self._settings.host)])

    def _wait(self, tickets):
        left = self._settings.seconds
        while left > 0 and not tickets[0].should_stop():
            threading.Event().wait(min(left, 0.01))
            left -= 0.01
        return [None]


def build(settings: ReplicaSettings) -> Service:
    metrics = Metrics()
    worker = Worker(threads=settings.threads, capacity=settings.queue_capacity, metrics=metrics)
    servicer = WaitingServicer(worker, settings)
    return Service(
        name="visum.v1.MaskService",
        version="0.1.0",
        algorithm_version="1",
        add_to=lambda server: mask_pb2_grpc.add_MaskServiceServicer_to_server(servicer, server),
        worker=worker,
        metrics=metrics,
    )


if __name__ == "__main__":
    settings = ReplicaSettings.parse("replica")
    run(build(settings), settings)
