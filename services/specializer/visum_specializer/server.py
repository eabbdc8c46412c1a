"""The specializer server: settings and wiring."""

from dataclasses import dataclass
from importlib.metadata import version

import torch
from visum.v1 import specializer_pb2_grpc

from visum_models import ModelRepository
from visum_models.settings import ModelServerSettings, device_class
from visum_runtime.metrics import Metrics
from visum_runtime.request_images import RequestImages
from visum_runtime.server import Service
from visum_runtime.settings import setting
from visum_runtime.worker import Worker
from visum_specializer import ALGORITHM_VERSION
from visum_specializer.exporter import Exporter
from visum_specializer.servicer import SpecializerServicer


@dataclass(frozen=True, kw_only=True)
class SpecializerSettings(ModelServerSettings):
    """Settings of the specializer server.

    Raises:
        ValueError: A value is out of its range; the message names the field.
    """

    max_training_bytes: int = setting(
        1 << 30, "features and probabilities of a training at most, bytes; the work takes eight times as much"
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.max_training_bytes < 1:
            raise ValueError("setting max_training_bytes must be at least 1")


def build(settings: SpecializerSettings) -> Service:
    """The specializer service, wired: one image a worker thread, each thread on one core."""
    device = settings.torch_device()
    metrics = Metrics()
    worker = Worker(
        threads=settings.threads,
        capacity=settings.queue_capacity,
        metrics=metrics,
        prepare=lambda: torch.set_num_threads(1),
    )
    models = ModelRepository(settings.models(), device, submodules=True)
    images = RequestImages(settings)
    servicer = SpecializerServicer(
        models, Exporter(settings.models()), worker, images, settings.max_training_bytes, settings.max_message_bytes
    )
    return Service(
        name="visum.v1.SpecializerService",
        version=version("visum-specializer"),
        algorithm_version=ALGORITHM_VERSION,
        add_to=lambda server: specializer_pb2_grpc.add_SpecializerServiceServicer_to_server(servicer, server),
        worker=worker,
        metrics=metrics,
        device=device_class(device),
    )
