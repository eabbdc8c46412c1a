"""The specializer service's calls: decode, compute, encode."""

import asyncio
from collections.abc import AsyncIterator

import grpc
import numpy as np
from numpy.typing import NDArray
from visum.v1 import specializer_pb2, specializer_pb2_grpc

from visum_models import ModelRepository
from visum_runtime.errors import InvalidInput, NotBuilt
from visum_runtime.references import require_model
from visum_runtime.timing import timing_of
from visum_runtime.views import ImageLimits, load_view
from visum_runtime.worker import Worker
from visum_specializer.embed import embed_view
from visum_specializer.region_features import describe_regions
from visum_wire import from_array, regions_from_png, to_array

MAX_BOXES = 1024


class SpecializerServicer(specializer_pb2_grpc.SpecializerServiceServicer):
    """Answers the calls of visum.v1.SpecializerService.

    Args:
        models: Where networks come from.
        worker: Where features are computed.
        limits: What an image may cost.
    """

    def __init__(self, models: ModelRepository, worker: Worker, limits: ImageLimits) -> None:
        self._models = models
        self._worker = worker
        self._limits = limits

    async def Embed(
        self, request: specializer_pb2.EmbedRequest, context: grpc.aio.ServicerContext
    ) -> specializer_pb2.EmbedResponse:
        require_model(request.model)
        classifier = await asyncio.to_thread(self._models.load, request.model.name, request.model.sha256)
        preprocessing = classifier.card.preprocessing.to_message()
        view = await asyncio.to_thread(load_view, request.image, preprocessing, self._limits)
        boxes = _boxes(request, view.side)
        done = await self._worker.compute(embed_view, classifier, view.pixels, request.layer, boxes)
        return specializer_pb2.EmbedResponse(
            features=to_array(done.result.features),
            probabilities=to_array(done.result.probabilities),
            layer=done.result.layer,
            timing=timing_of(done),
        )

    async def DescribeRegions(
        self, request: specializer_pb2.DescribeRegionsRequest, context: grpc.aio.ServicerContext
    ) -> specializer_pb2.DescribeRegionsResponse:
        require_model(request.model)
        classifier = await asyncio.to_thread(self._models.load, request.model.name, request.model.sha256)
        preprocessing = classifier.card.preprocessing.to_message()
        view = await asyncio.to_thread(load_view, request.image, preprocessing, self._limits)
        regions = regions_from_png(request.regions_png, "regions_png", (view.side, view.side))
        if regions.max() > MAX_BOXES:
            raise InvalidInput(f"has {regions.max()} regions, must have 1..{MAX_BOXES}", field="regions_png")
        done = await self._worker.compute(describe_regions, classifier, view.pixels, regions)
        names = ("aligned", "aligned_mirrored", "pooled", "pooled_mirrored")
        return specializer_pb2.DescribeRegionsResponse(
            layers=done.result.layers.values(),
            timing=timing_of(done),
            **{name: to_array(getattr(done.result, name).astype(np.float16)) for name in names},
        )

    async def Train(
        self, request_iterator: AsyncIterator[specializer_pb2.TrainRequest], context: grpc.aio.ServicerContext
    ) -> specializer_pb2.TrainResponse:
        raise NotBuilt("Train is not built yet")

    async def Predict(
        self, request: specializer_pb2.PredictRequest, context: grpc.aio.ServicerContext
    ) -> specializer_pb2.PredictResponse:
        raise NotBuilt("Predict is not built yet")

    async def Export(
        self, request: specializer_pb2.ExportRequest, context: grpc.aio.ServicerContext
    ) -> AsyncIterator[specializer_pb2.ExportResponse]:
        raise NotBuilt("Export is not built yet")
        yield  # makes this the asynchronous generator that a streaming call must be


def _boxes(request: specializer_pb2.EmbedRequest, side: int) -> NDArray[np.int32] | None:
    if not request.HasField("boxes"):
        return None
    boxes = from_array(request.boxes, "boxes", np.int32, (None, 4))
    if not 1 <= len(boxes) <= MAX_BOXES:
        raise InvalidInput(f"has {len(boxes)} boxes, must have 1..{MAX_BOXES}", field="boxes")
    low, high = boxes[:, :2], boxes[:, 2:]
    if (low < 0).any() or (high > side).any() or (low >= high).any():
        raise InvalidInput(f"must be non-empty boxes within the view of {side} pixels", field="boxes")
    return boxes
