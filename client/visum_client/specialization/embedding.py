"""What the network makes of labelled images: features and softmax, each image once."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from visum.v1 import common_pb2, specializer_pb2

from visum_client.bounded import for_each
from visum_client.calls import PureCalls
from visum_client.errors import InvalidInputError
from visum_client.methods import EMBED
from visum_client.progress import Progress
from visum_client.specialization.labelled_images import LabelledImage
from visum_wire import InvalidInput, from_array

STAGE = "embedding"

_log = logging.getLogger("visum_client")


@dataclass(frozen=True, eq=False)
class EmbeddedImages:
    """Labelled images as the network sees them."""

    images: tuple[LabelledImage, ...]
    features: NDArray[np.float32]
    """[N, F]."""
    probabilities: NDArray[np.float32]
    """[N, classes]."""

    @property
    def classes(self) -> NDArray[np.int32]:
        """[N]: true class."""
        return np.array([image.target for image in self.images], dtype=np.int32)


class Embedder:
    """Asks for features of one network at one layer.

    Args:
        calls: Where answers come from.
        progress: Told of each image.
        card: The network.
        layer: Submodule whose output (of the last layer: whose input) is the feature.
    """

    def __init__(self, calls: PureCalls, progress: Progress, card: common_pb2.ModelCard, layer: str) -> None:
        self._calls = calls
        self._progress = progress
        self._card = card
        self._layer = layer

    async def embed(self, images: Sequence[LabelledImage], field: str) -> EmbeddedImages:
        """Features of images, in their order; an image that cannot be read is left out with a warning.

        Args:
            images: The images.
            field: The parameter that gave them.

        Raises:
            InvalidInputError: None of them can be read.
            VisumError: The service failed.
        """
        rows: dict[int, tuple[NDArray[np.float32], NDArray[np.float32]]] = {}

        async def work(index: int) -> None:
            try:
                rows[index] = await self._embed(images[index])
            except InvalidInputError as error:
                if error.field.split(".")[0] != "image":
                    raise
                _log.warning("%s: %s", images[index].file.label, error.message)
                self._progress.drop(STAGE)
            else:
                self._progress.advance(STAGE)

        connection = await self._calls.services.connection(EMBED.service)
        await for_each(range(len(images)), lambda: connection.in_flight, work)
        if not rows:
            raise InvalidInputError("none of its images can be read", field)
        read = sorted(rows)
        features, probabilities = (np.concatenate([rows[index][column] for index in read]) for column in (0, 1))
        return EmbeddedImages(tuple(images[index] for index in read), features, probabilities)

    async def _embed(self, image: LabelledImage) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        request = specializer_pb2.EmbedRequest(
            image=common_pb2.Image(sha256=image.digest), model=self._card.ref, layer=self._layer
        )
        on_reused = partial(self._progress.reuse, STAGE)
        network = self._card.preprocessing
        decoded, _ = await self._calls.call(EMBED, request, self._decode, image.file, on_reused, network=network)
        return decoded

    def _decode(self, response: specializer_pb2.EmbedResponse) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        features = from_array(response.features, "features", "float32", (1, None))
        probabilities = from_array(response.probabilities, "probabilities", "float32", (1, len(self._card.classes)))
        if not (np.isfinite(features).all() and np.isfinite(probabilities).all()):
            raise InvalidInput("is not finite", field="features")
        return features, probabilities
