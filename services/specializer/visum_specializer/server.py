"""The specializer server: settings and wiring."""

from importlib.metadata import version

import torch
from visum.v1 import specializer_pb2_grpc

from visum_models import ModelRepository
from visum_models.settings import ModelServerSettings, device_class
from visum_runtime.metrics import Metrics
from visum_runtime.server import Service
from visum_runtime.views import ImageLimits
from visum_runtime.worker import Worker
from visum_specializer import ALGORITHM_VERSION
from visum_specializer.exporter import Exporter
from visum_specializer.servicer import SpecializerServicer


def build(settings: ModelServerSettings) -> Service:
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
    servicer = SpecializerServicer(models, Exporter(settings.models()), worker, ImageLimits.of(settings))
    return Service(
        name="visum.v1.SpecializerService",
        version=version("visum-specializer"),
        algorithm_version=ALGORITHM_VERSION,
        add_to=lambda server: specializer_pb2_grpc.add_SpecializerServiceServicer_to_server(servicer, server),
        worker=worker,
        metrics=metrics,
        device=device_class(device),
    )
