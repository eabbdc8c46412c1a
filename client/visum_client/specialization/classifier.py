"""Calls about a trained classifier, which a server need not hold."""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from visum.v1 import common_pb2, specializer_pb2

from visum_client.errors import InvalidInputError, NotFoundError, ServiceFaultError
from visum_client.methods import EXPORT, PREDICT
from visum_client.scheduler import Services
from visum_client.sent_images import image_message
from visum_client.specialization.labelled_images import LabelledImage

Answer = TypeVar("Answer")


@dataclass(frozen=True)
class ExportedFile:
    """A classifier as a file."""

    data: bytes
    card: common_pb2.ModelCard


class TrainedClassifier:
    """A classifier by its digest; a server that does not hold it gets it along, once."""

    def __init__(self, services: Services, classifier: specializer_pb2.Classifier, sha256: str) -> None:
        self._services = services
        self._classifier = classifier
        self._sha256 = sha256

    async def predict(self, image: LabelledImage) -> specializer_pb2.Prediction:
        """The best class of an image before and after, and the summary that contributed most. Raises VisumError."""
        images_at = self._services.backend.images_at
        try:
            images = [await asyncio.to_thread(image_message, image.file, images_at)]
        except InvalidInputError as error:
            raise InvalidInputError(f"{image.file.label} {error.message}", "validation") from error

        async def send(reference: specializer_pb2.ClassifierRef) -> specializer_pb2.PredictResponse:
            return await self._services.call(
                PREDICT, specializer_pb2.PredictRequest(images=images, classifier=reference)
            )

        answer = await self._sent(send)
        if len(answer.predictions) != 1 or answer.predictions[0].summary >= len(self._classifier.summaries):
            raise ServiceFaultError("specializer service: wrong answer to Predict")
        return answer.predictions[0]

    async def export(self, kind: specializer_pb2.ExportRequest.Format.ValueType) -> ExportedFile:
        """Network, SVMs and combination as one file. Raises VisumError."""

        async def send(reference: specializer_pb2.ClassifierRef) -> list[specializer_pb2.ExportResponse]:
            request = specializer_pb2.ExportRequest(classifier=reference, format=kind)
            return await self._services.download(EXPORT, request)

        pieces = await self._sent(send)
        data = b"".join(piece.data for piece in pieces)
        card = pieces[-1].card if pieces else common_pb2.ModelCard()
        if card.ref.sha256 != hashlib.sha256(data).hexdigest():
            raise ServiceFaultError("specializer service: wrong answer to Export: not the file of its card")
        return ExportedFile(data, card)

    async def _sent(self, send: Callable[[specializer_pb2.ClassifierRef], Awaitable[Answer]]) -> Answer:
        try:
            return await send(specializer_pb2.ClassifierRef(sha256=self._sha256))
        except NotFoundError:
            return await send(specializer_pb2.ClassifierRef(classifier=self._classifier))
