"""The mask service's calls: decode, compute, encode."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import grpc
import numpy as np
from numpy.typing import NDArray
from visum.v1 import common_pb2, mask_pb2, mask_pb2_grpc

from visum_mask.explain import ExplainedMask, Explanation, explain
from visum_mask.measure import DropScores, measure_drops
from visum_mask.options import MaskOptions, Mode, Perturbation, Preset, ScheduleName
from visum_models import Card, Classifier, ModelRepository
from visum_models.shared_loading import SharedLoading
from visum_runtime.errors import InvalidInput, Stopped
from visum_runtime.references import require_digest, require_model
from visum_runtime.request_images import RequestImages
from visum_runtime.timing import timing_of
from visum_runtime.views import View
from visum_runtime.worker import Ticket, Worker
from visum_wire import mask_from_png, mask_to_png, regions_to_png, saliency_to_png, to_array

MAX_MASKS = 1024
_TOP_CLASSES = 5
_MODES = {
    mask_pb2.MaskOptions.MODE_UNSPECIFIED: Mode.CRISP,
    mask_pb2.MaskOptions.MODE_CRISP: Mode.CRISP,
    mask_pb2.MaskOptions.MODE_LITERAL: Mode.LITERAL,
    mask_pb2.MaskOptions.MODE_IEBB: Mode.IEBB,
    mask_pb2.MaskOptions.MODE_IEBB_THRESH: Mode.IEBB_THRESH,
}
_SCHEDULES = {
    mask_pb2.MaskOptions.SCHEDULE_UNSPECIFIED: ScheduleName.SHORT,
    mask_pb2.MaskOptions.SCHEDULE_SHORT: ScheduleName.SHORT,
    mask_pb2.MaskOptions.SCHEDULE_PAPER: ScheduleName.PAPER,
}
_PRESETS = {
    mask_pb2.MaskOptions.PRESET_UNSPECIFIED: Preset.DROP,
    mask_pb2.MaskOptions.PRESET_DROP: Preset.DROP,
    mask_pb2.MaskOptions.PRESET_EVIDENCE: Preset.EVIDENCE,
}
_PERTURBATIONS = {
    mask_pb2.PERTURBATION_UNSPECIFIED: Perturbation.BLEND,
    mask_pb2.PERTURBATION_BLEND: Perturbation.BLEND,
    mask_pb2.PERTURBATION_PYRAMID: Perturbation.PYRAMID,
}
_NUMBERS = ("iterations", "grid", "blur_sigma", "target_drop", "min_region_area", "reach")
Number = TypeVar("Number", bound=int)
Choice = TypeVar("Choice")


@dataclass(frozen=True)
class _MaskJob:
    classifier: Classifier
    view: View
    target: int
    options: MaskOptions
    admit: bool


class MaskServicer(mask_pb2_grpc.MaskServiceServicer):
    """Answers the calls of visum.v1.MaskService.

    Args:
        models: Where networks come from.
        worker: Where masks are computed.
        images: Makes views of the images of requests.
    """

    def __init__(self, models: ModelRepository, worker: Worker, images: RequestImages) -> None:
        self._models = models
        self._loading = SharedLoading(models)
        self._worker = worker
        self._images = images

    async def ExtractMask(
        self, request: mask_pb2.ExtractMaskRequest, context: grpc.aio.ServicerContext
    ) -> mask_pb2.ExtractMaskResponse:
        options = options_from(request.options)
        classifier = await self._classifier(request.model)
        classifier.check_target(request.target)
        view = await self._images.view(request.image, classifier.card.preprocessing.to_message())
        job = _MaskJob(classifier, view, request.target, options, request.admit_unrecognized)
        key = (classifier.card.sha256, view.side, options)
        done = await self._worker.submit(_explain, job, key)
        response = _explained(done.result, view, classifier.card, request.target)
        response.timing.CopyFrom(timing_of(done))
        return response

    async def MeasureDrops(
        self, request: mask_pb2.MeasureDropsRequest, context: grpc.aio.ServicerContext
    ) -> mask_pb2.MeasureDropsResponse:
        options = _drop_options(request)
        if len(request.masks_png) > MAX_MASKS:
            raise InvalidInput(
                f"has {len(request.masks_png)} masks, at most {MAX_MASKS} are allowed", field="masks_png"
            )
        classifier = await self._classifier(request.model)
        classifier.check_target(request.target)
        view = await self._images.view(request.image, classifier.card.preprocessing.to_message())
        masks = await asyncio.to_thread(_masks, request.masks_png, view.side)
        done = await self._worker.compute(measure_drops, classifier, view.pixels, request.target, masks, options)
        response = _measured(done.result)
        response.timing.CopyFrom(timing_of(done))
        return response

    async def ListModels(
        self, request: mask_pb2.ListModelsRequest, context: grpc.aio.ServicerContext
    ) -> mask_pb2.ListModelsResponse:
        require_digest(request.sha256, "sha256")
        cards = await asyncio.to_thread(self._models.cards, request.name, request.sha256)
        return mask_pb2.ListModelsResponse(models=[card.to_message() for card in cards])

    async def _classifier(self, model: common_pb2.ModelRef) -> Classifier:
        require_model(model)
        return await self._loading.load(model.name, model.sha256)


def options_from(message: mask_pb2.MaskOptions) -> MaskOptions:
    """Options of a request, defaults filled in.

    Raises:
        InvalidInput: A value is out of range; names the field.
    """
    numbers: dict[str, Any] = {field.name: value for field, value in message.ListFields() if field.name in _NUMBERS}
    return MaskOptions(
        mode=_choice(_MODES, message.mode, "options.mode"),
        schedule=_choice(_SCHEDULES, message.schedule, "options.schedule"),
        preset=_choice(_PRESETS, message.preset, "options.preset"),
        perturbation=_choice(_PERTURBATIONS, message.perturbation, "options.perturbation"),
        **numbers,
    )


def _choice(table: Mapping[Number, Choice], number: Number, field: str) -> Choice:
    if number not in table:
        raise InvalidInput(f"is {number}, not a known value", field=field)
    return table[number]


def _drop_options(request: mask_pb2.MeasureDropsRequest) -> MaskOptions:
    sigma = request.blur_sigma if request.HasField("blur_sigma") else MaskOptions.blur_sigma
    try:
        return MaskOptions(perturbation=_choice(_PERTURBATIONS, request.perturbation, "perturbation"), blur_sigma=sigma)
    except InvalidInput as error:
        raise InvalidInput(error.message, field=error.field.removeprefix("options.")) from error


def _masks(pngs: Sequence[bytes], side: int) -> NDArray[np.bool_]:
    masks = [mask_from_png(png, f"masks_png[{i}]", (side, side)) for i, png in enumerate(pngs)]
    return np.stack(masks) if masks else np.zeros((0, side, side), dtype=bool)


def _explain(tickets: Sequence[Ticket[_MaskJob]]) -> list[Explanation | BaseException]:
    jobs = [ticket.job for ticket in tickets]
    explanations = explain(
        jobs[0].classifier,
        [job.view.pixels for job in jobs],
        [job.target for job in jobs],
        jobs[0].options,
        admit=[job.admit for job in jobs],
        should_stop=[ticket.should_stop for ticket in tickets],
    )
    stopped = Stopped("the call was cancelled")
    return [stopped if t.should_stop() else e for t, e in zip(tickets, explanations, strict=True)]


def _explained(explanation: Explanation, view: View, card: Card, target: int) -> mask_pb2.ExtractMaskResponse:
    probabilities = explanation.probabilities
    best = np.argsort(-probabilities, kind="stable")[:_TOP_CLASSES]
    width, height = view.original_size
    return mask_pb2.ExtractMaskResponse(
        image_sha256=view.image_sha256,
        view=mask_pb2.View(
            jpeg=view.to_jpeg(),
            height=view.side,
            width=view.side,
            to_original=view.to_message(),
            original_height=height,
            original_width=width,
        ),
        target=_class_score(target, card, probabilities),
        top=[_class_score(int(index), card, probabilities) for index in best],
        recognized=explanation.recognized,
        mask=_mask(explanation.mask) if explanation.mask else None,
    )


def _class_score(index: int, card: Card, probabilities: NDArray[np.float64]) -> common_pb2.ClassScore:
    return common_pb2.ClassScore(index=index, name=card.classes[index], probability=probabilities[index])


def _mask(mask: ExplainedMask) -> mask_pb2.Mask:
    return mask_pb2.Mask(
        binary_png=mask_to_png(mask.binary),
        raw_png=saliency_to_png(mask.raw),
        regions_png=regions_to_png(mask.regions.map),
        region_boxes=to_array(mask.regions.boxes),
        area=float(mask.binary.mean()),
        drop_raw=mask.drop_raw,
        drop_binary=mask.drop_binary,
        drop_regions=mask.drop_regions,
        iterations=mask.iterations,
        target_reached=mask.target_reached,
        required_drop=mask.required_drop,
    )


def _measured(scores: DropScores) -> mask_pb2.MeasureDropsResponse:
    return mask_pb2.MeasureDropsResponse(
        probability=scores.before.probabilities[0],
        perturbed_probabilities=to_array(scores.after.probabilities),
        log_odds=scores.before.log_odds[0],
        perturbed_log_odds=to_array(scores.after.log_odds),
    )
