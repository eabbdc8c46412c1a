"""From finished runs and labelled images to one specialized classifier."""

import asyncio
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from visum.v1 import common_pb2, specializer_pb2

from visum_client.bounded import for_each
from visum_client.calls import PureCalls
from visum_client.errors import InvalidInputError, NotFoundError
from visum_client.methods import DESCRIBE_MODEL, PREDICT
from visum_client.models import GivenModel, find_model
from visum_client.progress import Progress
from visum_client.report import write_report
from visum_client.scheduler import Services
from visum_client.specialization.class_runs import ClassRuns
from visum_client.specialization.classifier import TrainedClassifier
from visum_client.specialization.corrections import Outcome, keep_corrections, outcome
from visum_client.specialization.embedding import STAGE as EMBEDDING
from visum_client.specialization.embedding import Embedder
from visum_client.specialization.labelled_images import LabelledImage, find_labelled_images
from visum_client.specialization.specialized import Specialized, check_place, specialized, write_specialized
from visum_client.specialization.training import BEST, COMBINATIONS, Material, train
from visum_client.store import Store

TRAINING, PREDICTION, FILE = "training", "prediction", "file"
STAGES = (EMBEDDING, TRAINING, PREDICTION, FILE)
"""The stages of a specialization, in order."""
_FORMATS = {
    ".pt2": specializer_pb2.ExportRequest.FORMAT_EXPORTED_PROGRAM,
    ".onnx": specializer_pb2.ExportRequest.FORMAT_ONNX,
}


@dataclass(frozen=True, kw_only=True)
class Specialization:
    """What is to be specialized, and how.

    Raises:
        InvalidInputError: A value is out of range; `field` names it.
    """

    runs: ClassRuns
    """Finished runs of several classes of one network."""
    train: Path
    """Folder of training images, a folder a class; the runs' images among them."""
    validation: Path
    """Folder of other images, a folder a class; they choose weight, C and combination."""
    out: Path
    """File to write, ending in .pt2 (exported program) or .onnx."""
    weights: Path | None = None
    """File of the network; None: the service has it, or takes the standard weights."""
    layer: str = ""
    """Layer that gives the features; empty: the network's feature layer."""
    combination: str = BEST
    """network_share, literal, or best: the one that does better on the validation images."""
    seed: int = 0
    """Of everything random."""
    cache: Path | None = None
    """Folder of features that later calls reuse."""

    def __post_init__(self) -> None:
        if self.out.suffix not in _FORMATS:
            raise InvalidInputError(f"{self.out} must end in {' or '.join(_FORMATS)}", "out")
        if self.combination not in (*COMBINATIONS, BEST):
            allowed = ", ".join((*COMBINATIONS, BEST))
            raise InvalidInputError(f"is {self.combination!r}, must be one of {allowed}", "combination")
        if self.seed < 0:
            raise InvalidInputError(f"is {self.seed}, must not be negative", "seed")


async def specialize(services: Services, order: Specialization, progress: Progress) -> Specialized:
    """Trains and writes the specialized classifier, and shows in the runs' reports which images it corrects.

    Raises:
        VisumError: The order cannot be carried out, or a service failed; no file is written then.
    """
    await asyncio.to_thread(check_place, order.out, order.weights)
    card = await _describe(services, order)
    with tempfile.TemporaryDirectory(prefix="visum-specialize-") as folder:
        calls = PureCalls(services, Store(Path(folder), order.cache))
        material = await _material(calls, order, card, progress)
    with progress.stage(TRAINING, 1):
        trained = await train(services, material, order.combination)
        progress.advance(TRAINING)
    classifier = TrainedClassifier(services, trained.classifier, trained.sha256)
    found = await _predict(services, classifier, material.validation.images, progress)
    with progress.stage(FILE, 1):
        file = await classifier.export(_FORMATS[order.out.suffix])
        result = specialized(order.out, file, trained, material, found)
        await asyncio.to_thread(write_specialized, result, file, trained.sha256, material)
        await asyncio.to_thread(_report, order.runs, result, card)
        progress.advance(FILE)
    return result


async def _describe(services: Services, order: Specialization) -> common_pb2.ModelCard:
    """The card of the runs' network, its feature layer found. Raises where it is another network."""
    model = _given(order)
    services.backend.admit(model)
    reference = common_pb2.ModelRef(name=model.name, sha256=model.sha256)
    try:
        answer = await services.call(DESCRIBE_MODEL, specializer_pb2.DescribeModelRequest(model=reference))
    except NotFoundError as error:
        hint = "" if order.weights else "; give its file as weights"
        raise NotFoundError(error.message + hint, "weights") from None
    for run in order.runs.runs:
        target = run.configuration["target"]
        if target["name"] not in answer.card.classes[target["index"] : target["index"] + 1]:
            text = f"the network's class {target['index']} is not {target['name']!r}, as in {run.path}"
            raise InvalidInputError(text, "weights")
    return answer.card


def _given(order: Specialization) -> GivenModel:
    runs = order.runs
    if order.weights is None:
        return GivenModel(runs.model_name, runs.model_sha256)
    model = find_model(order.weights)
    if model.sha256 != runs.model_sha256:
        text = f"{order.weights} has sha256 {model.sha256}, the runs were made with {runs.model_sha256}"
        raise InvalidInputError(text, "weights")
    return GivenModel(runs.model_name, model.sha256, model.weights)


async def _material(
    calls: PureCalls, order: Specialization, card: common_pb2.ModelCard, progress: Progress
) -> Material:
    """The images with their features; training and validation share none."""
    training = find_labelled_images(order.train, card.classes, "train")
    validation = find_labelled_images(order.validation, card.classes, "validation")
    seen = {image.digest: image for image in training}
    for image in validation:
        if image.digest in seen:
            text = f"{image.file.label} is the same file as {seen[image.digest].file.label} of the training images"
            raise InvalidInputError(text, "validation")
    layer = order.layer or card.feature_layer
    embedder = Embedder(calls, progress, card, layer)
    with progress.stage(EMBEDDING, len(training) + len(validation)):
        embedded = (
            await embedder.embed(training, "train"),
            await embedder.embed(validation, "validation"),
        )
    return Material(card.ref, layer, order.runs, *embedded, order.seed)


async def _predict(
    services: Services, classifier: TrainedClassifier, images: Sequence[LabelledImage], progress: Progress
) -> Outcome:
    predictions: dict[int, specializer_pb2.Prediction] = {}

    async def work(index: int) -> None:
        predictions[index] = await classifier.predict(images[index])
        progress.advance(PREDICTION)

    connection = await services.connection(PREDICT.service)
    with progress.stage(PREDICTION, len(images)):
        await for_each(range(len(images)), lambda: connection.in_flight, work)
    return outcome(images, [predictions[index] for index in range(len(images))])


def _report(runs: ClassRuns, result: Specialized, card: common_pb2.ModelCard) -> None:
    """Each run's report shows the corrected images of its class."""
    ids = [entry.summary.id for entry in runs.summaries]
    classifier = {
        "file": result.path.name,
        "sha256": result.sha256,
        "combination": result.combination,
        "weight": result.weight,
    }
    for run in runs.runs:
        keep_corrections(run, result.outcome, ids, classifier, card)
        write_report(run.path)
