"""A mask server process that some images kill; it asks another server about the rest.

    python -m tests.support.deadly_mask --beyond PORT

Light, so that it is back soon.
"""

import asyncio
import os
import resource
import signal
from dataclasses import dataclass
from pathlib import Path

from visum.v1 import common_pb2, mask_pb2_grpc

from tests.support.forwarding_mask import ForwardingMask
from visum_runtime.metrics import Metrics
from visum_runtime.server import Service, run
from visum_runtime.settings import MEBIBYTE, ServerSettings, setting
from visum_runtime.views import ImageLimits, load_view
from visum_runtime.worker import Worker

DEADLY = b"kills whoever reads it"
"""What is in the file of an image that kills."""
PREPROCESSING = common_pb2.Preprocessing(resize=64, crop=64)


@dataclass(frozen=True, kw_only=True)
class DeadlySettings(ServerSettings):
    """Settings of a deadly server; those of a mask server are taken and mean nothing."""

    beyond: int = setting(0, "port of the server that is asked")
    seconds: float = setting(0.0, "time that each call takes besides")
    spare_mib: int = setting(0, "memory that it may take beyond what its first call finds; 0: all")
    kill_always: bool = setting(False, "every image kills, as where the network does")
    model_dir: str = setting("", "means nothing")
    trust_model_dir: bool = setting(False, "means nothing")


class DeadlyMask(ForwardingMask):
    """Reads the image of a call and passes it on; dies of deadly images without another word."""

    def __init__(self, settings: DeadlySettings, worker: Worker) -> None:
        super().__init__(f"127.0.0.1:{settings.beyond}")
        self._settings = settings
        self._worker = worker
        self._is_limited = not settings.spare_mib

    async def ExtractMask(self, request, context):
        if self._settings.kill_always or DEADLY in request.image.data:
            os.kill(os.getpid(), signal.SIGSEGV)
        if not self._is_limited:
            limit_memory(self._settings.spare_mib * MEBIBYTE)
            self._is_limited = True
        await self._worker.compute(load_view, request.image, PREPROCESSING, ImageLimits.of(self._settings))
        await asyncio.sleep(self._settings.seconds)
        return await super().ExtractMask(request, context)


def limit_memory(spare_bytes: int) -> None:
    """Limits this process's address space to so much more than it has."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    most = pages * resource.getpagesize() + spare_bytes
    resource.setrlimit(resource.RLIMIT_AS, (most, most))


def build(settings: DeadlySettings) -> Service:
    worker = Worker(threads=settings.threads)
    return Service(
        name="visum.v1.MaskService",
        version="0.1.0",
        algorithm_version="deadly",
        add_to=lambda server: mask_pb2_grpc.add_MaskServiceServicer_to_server(DeadlyMask(settings, worker), server),
        worker=worker,
        metrics=Metrics(),
    )


if __name__ == "__main__":
    settings = DeadlySettings.parse("deadly_mask")
    run(build(settings), settings)
