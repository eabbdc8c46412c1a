"""The proposal server: settings and wiring."""

from importlib.metadata import version

import cv2
import numpy as np
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]
from visum.v1 import proposal_pb2_grpc

from visum_proposals import ALGORITHM_VERSION
from visum_proposals.described_image import DescribedImage
from visum_proposals.descriptions import describe_view
from visum_proposals.proposal_flow import MatchOptions, Method, match_tile
from visum_proposals.selective_search import ProposalOptions
from visum_proposals.servicer import ProposalServicer
from visum_proposals.whitening import Whitening
from visum_runtime.metrics import Metrics
from visum_runtime.request_images import RequestImages
from visum_runtime.server import Service
from visum_runtime.settings import ServerSettings
from visum_runtime.worker import Worker

_SMALLEST_SIDE_PX = 1
_ANY_SHA256 = "0" * 64


def build(settings: ServerSettings) -> Service:
    """The proposal service, wired: as many images or tiles at a time as there are threads, each on one core."""
    metrics = Metrics()
    whitening = Whitening.load()
    worker = Worker(
        threads=settings.threads,
        capacity=settings.queue_capacity,
        metrics=metrics,
        prepare=lambda: _prepare_thread(whitening),
    )
    servicer = ProposalServicer(worker, whitening, RequestImages(settings), settings.max_message_bytes)
    return Service(
        name="visum.v1.ProposalService",
        version=version("visum-proposals"),
        algorithm_version=ALGORITHM_VERSION,
        add_to=lambda server: proposal_pb2_grpc.add_ProposalServiceServicer_to_server(servicer, server),
        worker=worker,
        metrics=metrics,
    )


def _prepare_thread(whitening: Whitening) -> None:
    # The worker's threads fill the cores: OpenCV's and BLAS's own would fight them, and BLAS's would change its sums.
    cv2.setNumThreads(1)
    threadpool_limits(1)
    _load_kernels(whitening)


def _load_kernels(whitening: Whitening) -> None:
    """Has numba load its kernels, or compile them where no cache is, before a call waits for them."""
    view = np.zeros((_SMALLEST_SIDE_PX, _SMALLEST_SIDE_PX, 3), dtype=np.uint8)
    described = describe_view(view, _ANY_SHA256, ProposalOptions(), whitening)
    survivors = np.zeros(1, dtype=np.int32)
    image = DescribedImage(described.boxes, described.descriptors, survivors, _SMALLEST_SIDE_PX)
    for method in Method:
        match_tile([image, image], None, MatchOptions(method), whitening.parities)
