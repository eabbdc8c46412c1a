"""The masks of a run, read from its folder."""

import dataclasses
from pathlib import Path

from visum.v1 import common_pb2

from visum_client.configuration import preprocessing_message, run_options
from visum_client.errors import InvalidInputError, RunFolderError
from visum_client.folder import RunFolder
from visum_client.images import ImageFile, ImageSource, find_images
from visum_client.records import ImageRecord
from visum_client.run import Run
from visum_client.stage_results import MaskedImage, Masks
from visum_client.stages.job import Subject
from visum_client.stages.masks import KINDS, Extracted


def masks_of(run: Run, source: ImageSource | None = None) -> Masks:
    """The masks of a run, with its network, class and options.

    Args:
        run: The run; its masks must be done.
        source: Where its photographs are, which later stages read; None: where its folder says.

    Raises:
        InvalidInputError: A photograph of the run is not there.
        RunFolderError: The masks are not done, or a file of the folder is missing.
    """
    files = _files(run, source)
    masked = tuple(_masked(run.folder, file, record) for file, record in zip(files, run.images, strict=True))
    return Masks(_subject(run, files), masked)


def _subject(run: Run, files: tuple[ImageFile, ...]) -> Subject:
    known = run.configuration
    return Subject(
        card=common_pb2.ModelCard(
            ref=common_pb2.ModelRef(name=known["model"]["name"], sha256=known["model"]["sha256"]),
            architecture=known["model"]["architecture"],
            preprocessing=preprocessing_message(known["preprocessing"]),
        ),
        target=known["target"]["index"],
        images=files,
        options=run_options(known),
        admit_unrecognized=known["admit_unrecognized"],
    )


def _files(run: Run, source: ImageSource | None) -> tuple[ImageFile, ...]:
    """The photographs in the order of the run's records."""
    needed = [record for record in run.images if record.status == "used"]
    there = [record.path for record in needed if Path(record.path).is_file()] if source is None else source
    given = find_images(there) if there else []
    by_digest = {image.digest: image for image in given if not image.is_duplicate}
    missing = [record.path for record in needed if record.digest not in by_digest]
    if missing:
        raise InvalidInputError(
            f"{len(missing)} of {len(needed)} images of {run.path} are not there, as {missing[0]}",
            "images",
            what_to_do="say where the photographs of the run are by images=",
        )
    return tuple(_file(record, by_digest) for record in run.images)


def _file(record: ImageRecord, by_digest: dict[str | None, ImageFile]) -> ImageFile:
    if record.status == "used":
        return dataclasses.replace(by_digest[record.digest], label=record.path)
    return ImageFile(Path(record.path), record.path, record.digest, record.reason, record.status == "duplicate")


def _masked(folder: RunFolder, file: ImageFile, record: ImageRecord) -> MaskedImage:
    if record.mask is None or record.digest is None:
        return MaskedImage(file, Extracted(record, b"", {}))
    try:
        pngs = {kind: folder.mask(record.digest, "" if kind == "binary" else kind).read_bytes() for kind in KINDS}
        return MaskedImage(file, Extracted(record, folder.view(record.digest).read_bytes(), pngs))
    except OSError as error:
        raise RunFolderError(f"{error.filename} cannot be read: {error.strerror}") from error
