"""The mask server: settings and wiring."""

from dataclasses import dataclass
from importlib.metadata import version

import torch
from visum.v1 import mask_pb2_grpc

from visum_mask import ALGORITHM_VERSION
from visum_mask.servicer import MaskServicer
from visum_models import ModelRepository
from visum_models.execution import Execution, Precision, choose_execution
from visum_models.settings import ModelServerSettings, device_class
from visum_runtime.metrics import Metrics
from visum_runtime.request_images import RequestImages
from visum_runtime.server import Service
from visum_runtime.settings import setting
from visum_runtime.worker import Worker

DETERMINISTIC = ("auto", "on", "off")
_MAX_BATCH = {"cpu": 16, "cuda": 256}


@dataclass(frozen=True, kw_only=True)
class MaskServerSettings(ModelServerSettings):
    """Settings of the mask server.

    Raises:
        ValueError: A value is out of its range; the message names the field.
    """

    max_batch: int = setting(0, "images optimized together by one worker thread; 0: 16 on cpu, 256 on cuda if they fit")
    precision: str = setting(
        "auto", f"one of {', '.join(Precision)}; auto: bf16 where a measurement says that it gains"
    )
    deterministic: str = setting("auto", f"one of {', '.join(DETERMINISTIC)}; auto: on for cpu, off for cuda")

    def __post_init__(self) -> None:
        if self.max_batch == 0:
            object.__setattr__(self, "max_batch", _MAX_BATCH[self.torch_device().type])
        super().__post_init__()
        if self.precision not in tuple(Precision):
            raise ValueError(f"setting precision must be one of {', '.join(Precision)}")
        if self.deterministic not in DETERMINISTIC:
            raise ValueError(f"setting deterministic must be one of {', '.join(DETERMINISTIC)}")

    def is_deterministic(self) -> bool:
        """True where results must not depend on which calls share a batch."""
        if self.deterministic == "auto":
            return self.torch_device().type == "cpu"
        return self.deterministic == "on"


def build(settings: MaskServerSettings) -> Service:
    """The mask service, wired.

    A deterministic server optimizes one image a thread, each thread on one core: kernels choose their order of
    summation by batch size and thread count, so both are fixed. Otherwise one thread optimizes whole batches on all
    cores or the GPU.
    """
    device = settings.torch_device()
    metrics = Metrics()
    worker = _worker(settings, metrics)
    execution = choose_execution(Precision(settings.precision), device)
    models = ModelRepository(settings.models(), device, execution=execution)
    servicer = MaskServicer(models, worker, RequestImages(settings))
    return Service(
        name="visum.v1.MaskService",
        version=version("visum-mask"),
        algorithm_version=ALGORITHM_VERSION,
        add_to=lambda server: mask_pb2_grpc.add_MaskServiceServicer_to_server(servicer, server),
        worker=worker,
        metrics=metrics,
        device=_device_class(device, execution),
        deterministic=settings.is_deterministic(),
    )


def _device_class(device: torch.device, execution: Execution) -> str:
    """What masks depend on: the device, and how networks are run on it unless that is the usual way."""
    return device_class(device) + ("" if execution == Execution() else f" {execution}")


def _worker(settings: MaskServerSettings, metrics: Metrics) -> Worker:
    deterministic = settings.is_deterministic()
    torch_threads = 1 if deterministic else settings.threads
    return Worker(
        threads=settings.threads if deterministic else 1,
        max_batch=1 if deterministic else settings.max_batch,
        capacity=settings.queue_capacity,
        linger_seconds=settings.linger_seconds,
        metrics=metrics,
        prepare=lambda: torch.set_num_threads(torch_threads),
    )
