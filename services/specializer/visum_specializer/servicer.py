"""The specializer service's calls: decode, compute, encode."""

import asyncio
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from dataclasses import replace

import grpc
import numpy as np
from numpy.typing import NDArray
from visum.v1 import common_pb2, specializer_pb2, specializer_pb2_grpc

from visum_models import Classifier, ModelRepository
from visum_models.layers import feature_layer
from visum_runtime.errors import InvalidInput
from visum_runtime.references import require_model
from visum_runtime.request_images import RequestImages
from visum_runtime.timing import timing_of
from visum_runtime.worker import Ticket, Worker
from visum_specializer.classifier_store import ClassifierStore
from visum_specializer.embed import embed_view
from visum_specializer.export import Format
from visum_specializer.exporter import Exporter
from visum_specializer.messages import TrainReader, TrainTask, decode_classifier, encode_accuracy, encode_classifier
from visum_specializer.predict import Predicted, predict
from visum_specializer.region_features import describe_regions
from visum_specializer.region_splitting import LARGEST, boxes_of, split_regions
from visum_specializer.train import Trained, train
from visum_wire import from_array, regions_from_png, regions_to_png, to_array

MAX_BOXES = 1024
MAX_IMAGES = 64
MAX_CLASSIFIER_BYTES = 256 << 20
"""Classifiers that are kept for callers."""
_PIECE_BYTES = 1 << 20
_FORMATS = {
    specializer_pb2.ExportRequest.FORMAT_UNSPECIFIED: Format.EXPORTED_PROGRAM,
    specializer_pb2.ExportRequest.FORMAT_EXPORTED_PROGRAM: Format.EXPORTED_PROGRAM,
    specializer_pb2.ExportRequest.FORMAT_ONNX: Format.ONNX,
}


class SpecializerServicer(specializer_pb2_grpc.SpecializerServiceServicer):
    """Answers the calls of visum.v1.SpecializerService.

    Args:
        models: Where networks come from.
        exporter: What makes files of classifiers.
        worker: Where features are computed.
        images: Makes views of the images of requests.
        max_training_bytes: Features and probabilities of one training.
        max_answer_bytes: Largest answer to DescribeRegions.
    """

    def __init__(
        self,
        models: ModelRepository,
        exporter: Exporter,
        worker: Worker,
        images: RequestImages,
        max_training_bytes: int,
        max_answer_bytes: int,
    ) -> None:
        self._models = models
        self._exporter = exporter
        self._worker = worker
        self._images = images
        self._max_training_bytes = max_training_bytes
        self._max_answer_bytes = max_answer_bytes
        self._classifiers = ClassifierStore(MAX_CLASSIFIER_BYTES)

    async def Embed(
        self, request: specializer_pb2.EmbedRequest, context: grpc.aio.ServicerContext
    ) -> specializer_pb2.EmbedResponse:
        classifier = await self._load(request.model)
        preprocessing = classifier.card.preprocessing.to_message()
        view = await self._images.view(request.image, preprocessing)
        boxes = _boxes(request, view.side)
        done = await self._worker.compute(embed_view, classifier, view.pixels, request.layer, boxes)
        return specializer_pb2.EmbedResponse(
            features=to_array(done.result.features),
            probabilities=to_array(done.result.probabilities),
            layer=done.result.layer,
            timing=timing_of(done),
        )

    async def DescribeModel(
        self, request: specializer_pb2.DescribeModelRequest, context: grpc.aio.ServicerContext
    ) -> specializer_pb2.DescribeModelResponse:
        classifier = await self._load(request.model)
        layer = (await self._worker.compute(feature_layer, classifier)).result
        return specializer_pb2.DescribeModelResponse(card=replace(classifier.card, feature_layer=layer).to_message())

    async def DescribeRegions(
        self, request: specializer_pb2.DescribeRegionsRequest, context: grpc.aio.ServicerContext
    ) -> specializer_pb2.DescribeRegionsResponse:
        classifier, view, regions = await self._regions_of(request)
        done = await self._worker.compute(describe_regions, classifier, view, regions)
        names = ("aligned", "aligned_mirrored", "pooled", "pooled_mirrored")
        response = specializer_pb2.DescribeRegionsResponse(
            layers=done.result.layers.values(),
            timing=timing_of(done),
            **{name: to_array(getattr(done.result, name).astype(np.float16)) for name in names},
        )
        if (size := response.ByteSize()) > self._max_answer_bytes:
            message = f"has {regions.max()} regions, whose features take {size} bytes: at most {self._max_answer_bytes}"
            raise InvalidInput(f"{message} are allowed", field="regions_png")
        return response

    async def SplitRegions(
        self, request: specializer_pb2.SplitRegionsRequest, context: grpc.aio.ServicerContext
    ) -> specializer_pb2.SplitRegionsResponse:
        classifier, view, regions = await self._regions_of(request)
        largest = request.options.max_area if request.options.HasField("max_area") else LARGEST
        done = await self._worker.compute(split_regions, classifier, view, regions, largest)
        return specializer_pb2.SplitRegionsResponse(
            regions_png=regions_to_png(done.result),
            region_boxes=to_array(boxes_of(done.result)),
            timing=timing_of(done),
        )

    async def Train(
        self, request_iterator: AsyncIterable[specializer_pb2.TrainRequest], context: grpc.aio.ServicerContext
    ) -> specializer_pb2.TrainResponse:
        reader = TrainReader(self._max_training_bytes)
        async for request in request_iterator:
            reader.add(request)
        task = reader.finish()
        classifier = await self._load(task.model)
        done = await self._worker.submit(_train, task)
        trained: Trained = done.result
        ref = common_pb2.ModelRef(name=classifier.card.name, sha256=classifier.card.sha256)
        message = encode_classifier(trained.classifier, ref)
        return specializer_pb2.TrainResponse(
            classifier=message,
            sha256=self._classifiers.keep(message),
            c=trained.c,
            timing=timing_of(done),
            overall=encode_accuracy(trained.overall),
            target_classes=encode_accuracy(trained.target_classes),
            sibling_negatives=trained.sibling_negatives,
        )

    async def Predict(
        self, request: specializer_pb2.PredictRequest, context: grpc.aio.ServicerContext
    ) -> specializer_pb2.PredictResponse:
        if not 1 <= len(request.images) <= MAX_IMAGES:
            raise InvalidInput(f"has {len(request.images)} images, must have 1..{MAX_IMAGES}", field="images")
        message = self._classifiers.find(request.classifier)
        classifier = await self._load(message.model)
        preprocessing = classifier.card.preprocessing.to_message()
        views = [await self._images.view(image, preprocessing) for image in request.images]
        pixels = [view.pixels for view in views]
        done = await self._worker.compute(predict, classifier, decode_classifier(message), pixels)
        return _predictions(done.result, classifier.card.classes)

    async def Export(
        self, request: specializer_pb2.ExportRequest, context: grpc.aio.ServicerContext
    ) -> AsyncIterator[specializer_pb2.ExportResponse]:
        if request.format not in _FORMATS:
            raise InvalidInput(f"unknown format {request.format}", field="format")
        message = self._classifiers.find(request.classifier)
        model, content = message.model, message.SerializeToString(deterministic=True)
        summaries, kind = decode_classifier(message), _FORMATS[request.format]
        done = await self._worker.compute(self._exporter.export, model.name, model.sha256, summaries, content, kind)
        file = done.result
        for start in range(0, len(file.data), _PIECE_BYTES):
            yield specializer_pb2.ExportResponse(data=file.data[start : start + _PIECE_BYTES])
        yield specializer_pb2.ExportResponse(card=file.card.to_message())

    async def _load(self, model: common_pb2.ModelRef) -> Classifier:
        require_model(model)
        return await asyncio.to_thread(self._models.load, model.name, model.sha256)

    async def _regions_of(
        self, request: specializer_pb2.DescribeRegionsRequest | specializer_pb2.SplitRegionsRequest
    ) -> tuple[Classifier, NDArray[np.uint8], NDArray[np.int32]]:
        """The network, the view and the regions that a request is about."""
        classifier = await self._load(request.model)
        preprocessing = classifier.card.preprocessing.to_message()
        view = await self._images.view(request.image, preprocessing)
        regions = regions_from_png(request.regions_png, "regions_png", (view.side, view.side))
        if regions.max() > MAX_BOXES:
            raise InvalidInput(f"has {regions.max()} regions, must have 1..{MAX_BOXES}", field="regions_png")
        return classifier, view.pixels, regions


def _train(tickets: Sequence[Ticket[TrainTask]]) -> list[Trained]:
    (ticket,) = tickets
    task = ticket.job
    return [train(task.layer, task.summaries, task.training, task.validation, task.options, ticket.should_stop)]


def _predictions(predicted: Predicted, classes: Sequence[str]) -> specializer_pb2.PredictResponse:
    rows = zip(predicted.before, predicted.after, predicted.summaries.tolist(), strict=True)
    predictions = [
        specializer_pb2.Prediction(before=_best(before, classes), after=_best(after, classes), summary=summary)
        for before, after, summary in rows
    ]
    before, after = to_array(predicted.before), to_array(predicted.after)
    return specializer_pb2.PredictResponse(predictions=predictions, before=before, after=after)


def _best(scores: NDArray[np.float32], classes: Sequence[str]) -> common_pb2.ClassScore:
    index = int(scores.argmax())
    return common_pb2.ClassScore(index=index, name=classes[index], probability=float(scores[index]))


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
