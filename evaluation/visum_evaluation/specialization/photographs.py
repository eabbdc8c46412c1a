"""Photographs in folders: labelled images to train and tune on beside the runs' own views, and others to test on."""

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from visum.v1 import common_pb2

from visum_client.errors import InvalidInputError
from visum_client.specialization.class_runs import ClassRuns
from visum_client.specialization.labelled_images import find_labelled_images
from visum_evaluation.specialization.embedding import LabelledView
from visum_models import Classifier
from visum_runtime.views import ImageLimits, load_view

_LIMITS = ImageLimits(max_bytes=64 << 20, max_pixels=100_000_000)


def pool_views(classifier: Classifier, runs: ClassRuns, data: Path | None) -> tuple[LabelledView, ...]:
    """The labelled images of a folder, if there is one, and the views in the runs' folders of images not among them.

    Raises:
        VisumError: The folder or a run is not as it must be.
    """
    given = labelled_views(classifier, data, "data") if data else ()
    known = {view.digest for view in given}
    return (*given, *(view for view in _run_views(runs) if view.digest not in known))


def labelled_views(classifier: Classifier, folder: Path, field: str) -> tuple[LabelledView, ...]:
    """The images of `<folder>/<class>/`. Raises VisumError as `find_labelled_images`."""
    found = find_labelled_images(folder, classifier.card.classes, field)
    return tuple(LabelledView(image.digest, image.target, _reader(classifier, image.file.path)) for image in found)


def check_apart(pool: Sequence[LabelledView], test: Sequence[LabelledView]) -> None:
    """Raises InvalidInputError where an image to test on is among those to train and tune on."""
    shared = {view.digest for view in pool} & {view.digest for view in test}
    if shared:
        text = f"{len(shared)} images are among those of the runs or the data, too, as that of sha256 {min(shared)}"
        raise InvalidInputError(text, "test")


def _run_views(runs: ClassRuns) -> tuple[LabelledView, ...]:
    return tuple(
        LabelledView(image.digest, run.configuration["target"]["index"], _jpeg_reader(run.folder.view(image.digest)))
        for run in runs.runs
        for image in run.images
        if image.digest and image.status in ("used", "unrecognized")
    )


def _reader(classifier: Classifier, path: Path) -> Callable[[], NDArray[np.uint8]]:
    """Makes the view of a file as the services do."""
    preprocessing = classifier.card.preprocessing.to_message()
    return lambda: load_view(common_pb2.Image(data=path.read_bytes()), preprocessing, _LIMITS).pixels


def _jpeg_reader(path: Path) -> Callable[[], NDArray[np.uint8]]:
    """Reads a view that a run keeps."""
    return lambda: np.asarray(Image.open(path).convert("RGB"))
