"""Trains the classifier of embedded images."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray
from visum.v1 import common_pb2, specializer_pb2

from visum_client.errors import InvalidInputError
from visum_client.methods import TRAIN
from visum_client.scheduler import Services
from visum_client.specialization.class_runs import ClassRuns
from visum_client.specialization.embedding import EmbeddedImages
from visum_wire import to_array

COMBINATIONS = {
    "network_share": specializer_pb2.COMBINATION_NETWORK_SHARE,
    "literal": specializer_pb2.COMBINATION_LITERAL,
}
"""How scores may be combined."""
BEST = "best"
"""The combination that does better on the validation images."""
_CHUNK_BYTES = 4 << 20


@dataclass(frozen=True, eq=False)
class Material:
    """What a classifier is trained of."""

    model: common_pb2.ModelRef
    layer: str
    runs: ClassRuns
    training: EmbeddedImages
    validation: EmbeddedImages
    seed: int


async def train(services: Services, material: Material, combination: str) -> specializer_pb2.TrainResponse:
    """The trained classifier; with `best`, of both combinations the better one, of equals the network share.

    Raises:
        PreconditionError: A summary has fewer than two of the training images, or there are no negatives.
        InvalidInputError: A training image is of another class than the summary that it belongs to.
        VisumError: The service failed.
    """
    _check_classes(material)
    names = COMBINATIONS if combination == BEST else (combination,)
    answers = [await services.upload(TRAIN, partial(_requests, material, name)) for name in names]
    return max(answers, key=lambda answer: answer.overall.after)


def _check_classes(material: Material) -> None:
    """Says it with the image's name; the service could only tell that there is one."""
    images = material.training.images
    memberships = material.runs.memberships(image.digest for image in images)
    for row, column in np.argwhere(memberships):
        entry = material.runs.summaries[column]
        if images[row].target != entry.target:
            text = f"{images[row].file.label} is of another class, and belongs to the summary {entry.name!r}"
            raise InvalidInputError(text, "train")


def _requests(material: Material, combination: str) -> Iterator[specializer_pb2.TrainRequest]:
    header = specializer_pb2.TrainHeader(
        model=material.model, layer=material.layer, combination=COMBINATIONS[combination], seed=material.seed
    )
    yield specializer_pb2.TrainRequest(header=header)
    entries = material.runs.summaries
    labels = [specializer_pb2.SummaryLabel(class_index=entry.target, name=entry.name) for entry in entries]
    yield specializer_pb2.TrainRequest(labels=specializer_pb2.SummaryLabels(labels=labels))
    for images, validation in ((material.training, False), (material.validation, True)):
        memberships = material.runs.memberships(image.digest for image in images.images)
        for rows in _pieces(images):
            yield specializer_pb2.TrainRequest(features=_chunk(images, memberships, rows, validation))


def _pieces(images: EmbeddedImages) -> Iterator[slice]:
    row_bytes = images.features[0].nbytes + images.probabilities[0].nbytes
    step = max(1, _CHUNK_BYTES // row_bytes)
    return (slice(start, start + step) for start in range(0, len(images.images), step))


def _chunk(
    images: EmbeddedImages, memberships: NDArray[np.uint8], rows: slice, validation: bool
) -> specializer_pb2.FeaturesChunk:
    return specializer_pb2.FeaturesChunk(
        features=to_array(images.features[rows]),
        probabilities=to_array(images.probabilities[rows]),
        classes=to_array(images.classes[rows]),
        memberships=to_array(memberships[rows]),
        validation=validation,
    )
