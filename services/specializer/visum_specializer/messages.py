"""Classifiers and embedded images on the wire."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from visum.v1 import common_pb2, specializer_pb2

from visum_runtime.errors import InvalidInput, OutOfRange
from visum_runtime.references import require_model
from visum_specializer.summary_classifier import Combination, SummaryClassifier
from visum_specializer.train import Accuracy, EmbeddedImages, SummaryNames, TrainOptions
from visum_wire import from_array, to_array

MAX_SUMMARIES = 4096
_COMBINATIONS: dict[int, Combination] = {
    specializer_pb2.COMBINATION_UNSPECIFIED: Combination.NETWORK_SHARE,
    specializer_pb2.COMBINATION_NETWORK_SHARE: Combination.NETWORK_SHARE,
    specializer_pb2.COMBINATION_LITERAL: Combination.LITERAL,
}
_NUMBERS = {
    Combination.NETWORK_SHARE: specializer_pb2.COMBINATION_NETWORK_SHARE,
    Combination.LITERAL: specializer_pb2.COMBINATION_LITERAL,
}


def digest_of(message: specializer_pb2.Classifier) -> str:
    """SHA-256 of a classifier's deterministic serialization, hexadecimal."""
    return hashlib.sha256(message.SerializeToString(deterministic=True)).hexdigest()


def encode_classifier(classifier: SummaryClassifier, model: common_pb2.ModelRef) -> specializer_pb2.Classifier:
    """A classifier for a network, as the wire has it."""
    labels = zip(classifier.classes, classifier.names, strict=True)
    return specializer_pb2.Classifier(
        model=model,
        layer=classifier.layer,
        combination=_NUMBERS[classifier.combination],
        weight=classifier.weight,
        weights=to_array(classifier.weights),
        biases=to_array(classifier.biases),
        summaries=[specializer_pb2.SummaryLabel(class_index=owner, name=name) for owner, name in labels],
    )


def decode_classifier(message: specializer_pb2.Classifier) -> SummaryClassifier:
    """The classifier of a message.

    Raises:
        InvalidInput: A field is missing or out of range; names it.
    """
    require_model(message.model)
    if not message.model.sha256:
        raise InvalidInput("is empty: a classifier belongs to one network file", field="classifier.model.sha256")
    return SummaryClassifier(
        layer=message.layer,
        combination=decode_combination(message.combination, "classifier.combination"),
        weight=message.weight,
        weights=from_array(message.weights, "classifier.weights", np.float32, (None, None)),
        biases=from_array(message.biases, "classifier.biases", np.float32, (None,)),
        classes=tuple(label.class_index for label in message.summaries),
        names=tuple(label.name for label in message.summaries),
    )


def decode_combination(number: int, field: str) -> Combination:
    """The combination of its number. Raises InvalidInput where there is none."""
    if number not in _COMBINATIONS:
        raise InvalidInput(f"unknown combination {number}", field=field)
    return _COMBINATIONS[number]


def encode_accuracy(accuracy: Accuracy) -> specializer_pb2.ValidationAccuracy:
    """An accuracy as the wire has it."""
    return specializer_pb2.ValidationAccuracy(images=accuracy.images, before=accuracy.before, after=accuracy.after)


@dataclass(frozen=True, eq=False)
class TrainTask:
    """A training, as its stream told it."""

    model: common_pb2.ModelRef
    layer: str
    summaries: SummaryNames
    training: EmbeddedImages
    validation: EmbeddedImages
    options: TrainOptions


class TrainReader:
    """Puts a training together from the messages of its stream: header, labels, then features.

    Args:
        max_bytes: Features and probabilities that are taken, bytes.
    """

    def __init__(self, max_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._header: specializer_pb2.TrainHeader | None = None
        self._summaries: SummaryNames | None = None
        self._chunks: dict[bool, list[EmbeddedImages]] = {False: [], True: []}
        self._widths: tuple[int | None, int | None] = (None, None)
        self._bytes = 0

    def add(self, request: specializer_pb2.TrainRequest) -> None:
        """Takes the next message.

        Raises:
            InvalidInput: It is out of order, or a value is wrong; names the field.
            OutOfRange: More features than this server takes.
        """
        content = request.WhichOneof("content")
        if content == "header" and self._header is None:
            require_model(request.header.model)
            self._header = request.header
        elif content == "labels" and self._header is not None and self._summaries is None:
            self._summaries = _summary_names(request.labels)
        elif content == "features" and self._summaries is not None:
            self._add_features(request.features, len(self._summaries.names))
        else:
            raise InvalidInput("must be header, labels, then features", field="content")

    def finish(self) -> TrainTask:
        """The whole training. Raises InvalidInput where something is missing or wrong."""
        if self._header is None or self._summaries is None:
            raise InvalidInput("must begin with header and labels", field="content")
        if not self._chunks[False]:
            raise InvalidInput("has no training images", field="features")
        if not self._header.layer:
            raise InvalidInput("is empty", field="header.layer")
        combination = decode_combination(self._header.combination, "header.combination")
        chosen = {"c_values": tuple(self._header.c_values)} if self._header.c_values else {}
        options = TrainOptions(combination=combination, seed=self._header.seed, **chosen)
        training, validation = (self._joined(is_validation) for is_validation in (False, True))
        if max(self._summaries.classes) >= training.probabilities.shape[1]:
            raise InvalidInput("has a class that the probabilities do not have", field="labels")
        return TrainTask(self._header.model, self._header.layer, self._summaries, training, validation, options)

    def _add_features(self, chunk: specializer_pb2.FeaturesChunk, summaries: int) -> None:
        self._bytes += chunk.ByteSize()
        if self._bytes > self._max_bytes:
            raise OutOfRange(f"more than {self._max_bytes} bytes of features, this server's limit")
        width, classes = self._widths
        features = from_array(chunk.features, "features.features", np.float32, (None, width))
        count = len(features)
        probabilities = from_array(chunk.probabilities, "features.probabilities", np.float32, (count, classes))
        truth = from_array(chunk.classes, "features.classes", np.int32, (count,))
        members = from_array(chunk.memberships, "features.memberships", np.uint8, (count, summaries))
        if not features.shape[1] or not probabilities.shape[1]:
            raise InvalidInput("has no columns", field="features.features.shape")
        if count and not 0 <= truth.min() <= truth.max() < probabilities.shape[1]:
            raise InvalidInput("has a class that the probabilities do not have", field="features.classes")
        self._widths = (features.shape[1], probabilities.shape[1])
        self._chunks[chunk.validation].append(EmbeddedImages(features, probabilities, truth, members > 0))

    def _joined(self, is_validation: bool) -> EmbeddedImages:
        chunks = self._chunks[is_validation] or [_none_of(self._chunks[False][0])]
        columns = zip(*((c.features, c.probabilities, c.classes, c.memberships) for c in chunks), strict=True)
        return EmbeddedImages(*(np.concatenate(parts) for parts in columns))


def _none_of(chunk: EmbeddedImages) -> EmbeddedImages:
    return EmbeddedImages(chunk.features[:0], chunk.probabilities[:0], chunk.classes[:0], chunk.memberships[:0])


def _summary_names(labels: specializer_pb2.SummaryLabels) -> SummaryNames:
    entries: Sequence[specializer_pb2.SummaryLabel] = labels.labels
    if not 1 <= len(entries) <= MAX_SUMMARIES:
        raise InvalidInput(f"has {len(entries)} summaries, must have 1..{MAX_SUMMARIES}", field="labels")
    if min(label.class_index for label in entries) < 0:
        raise InvalidInput("has a class below 0", field="labels")
    return SummaryNames(tuple(label.class_index for label in entries), tuple(label.name for label in entries))
