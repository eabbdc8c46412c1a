"""Images that a specialized classifier names otherwise than the network, and what the runs' folders keep of them."""

import io
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from PIL import Image, ImageOps
from visum.v1 import common_pb2, specializer_pb2

from visum_client.configuration import preprocessing_json
from visum_client.files import write_atomically
from visum_client.folder import write_records
from visum_client.records import ClassScore
from visum_client.run import Run
from visum_client.specialization.labelled_images import LabelledImage

_JPEG_QUALITY = 90


@dataclass(frozen=True)
class Correction:
    """An image that was named wrongly before and rightly after."""

    image: LabelledImage
    before: ClassScore
    after: ClassScore
    summary: int
    """Index of the summary that contributed most; -1: none."""


@dataclass(frozen=True)
class Outcome:
    """How images were named before and after."""

    images: int
    corrected: tuple[Correction, ...]
    """Wrong before, right after."""
    spoiled: tuple[LabelledImage, ...]
    """Right before, wrong after."""


def outcome(images: Sequence[LabelledImage], predictions: Sequence[specializer_pb2.Prediction]) -> Outcome:
    """Compares predictions with the truth."""
    pairs = list(zip(images, predictions, strict=True))
    corrected = [
        Correction(image, _score(found.before), _score(found.after), found.summary)
        for image, found in pairs
        if found.before.index != image.target == found.after.index
    ]
    spoiled = [image for image, found in pairs if found.before.index == image.target != found.after.index]
    return Outcome(len(pairs), tuple(corrected), tuple(spoiled))


def keep_corrections(
    run: Run, found: Outcome, summary_ids: Sequence[str], classifier: dict[str, Any], card: common_pb2.ModelCard
) -> None:
    """Writes specialization.json into a run's folder, and views of the corrected images of its class that it lacks.

    Args:
        run: The run.
        found: What became of the validation images.
        summary_ids: Short name of each summary of the classifier.
        classifier: File, digest, combination and weight.
        card: The network, whose preprocessing frames the views.

    Raises:
        RunFolderError: The folder is in use.
    """
    target = run.configuration["target"]["index"]
    corrected = [entry for entry in found.corrected if entry.image.target == target]
    with run.folder.lock():
        for entry in corrected:
            view = run.folder.view(entry.image.digest)
            if not view.exists():  # the run's own views are what its masks and parts lie on
                write_atomically(view, _view(entry.image, card), durable=False)
        write_records(
            run.folder.specialization,
            classifier=classifier,
            images=found.images,
            corrected=list(_records(corrected, summary_ids)),
            spoiled=sum(image.target == target for image in found.spoiled),
        )


def _records(corrected: Iterable[Correction], summary_ids: Sequence[str]) -> Iterable[dict[str, Any]]:
    for entry in corrected:
        yield {
            "digest": entry.image.digest,
            "path": entry.image.file.label,
            "before": asdict(entry.before),
            "after": asdict(entry.after),
            "summary": summary_ids[entry.summary] if entry.summary >= 0 else None,
        }


def _view(image: LabelledImage, card: common_pb2.ModelCard) -> bytes:
    """The upright image, resized and cropped as the network sees it, as JPEG; only people look at it."""
    frame = preprocessing_json(card.preprocessing)
    kind = Image.Resampling.BICUBIC if frame["interpolation"] == "bicubic" else Image.Resampling.BILINEAR
    with Image.open(image.file.path) as opened:
        upright = ImageOps.exif_transpose(opened).convert("RGB")
    scale = frame["resize"] / min(upright.size)
    width, height = (max(frame["resize"], round(side * scale)) for side in upright.size)
    left, top = (width - frame["crop"]) // 2, (height - frame["crop"]) // 2
    view = upright.resize((width, height), kind).crop((left, top, left + frame["crop"], top + frame["crop"]))
    buffer = io.BytesIO()
    view.save(buffer, format="JPEG", quality=_JPEG_QUALITY)
    return buffer.getvalue()


def _score(message: common_pb2.ClassScore) -> ClassScore:
    return ClassScore(message.index, message.name, message.probability)
