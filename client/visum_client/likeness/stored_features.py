"""The descriptors of the parts of a run, from its folder."""

import zipfile
from collections.abc import Sequence

import numpy as np

from visum_client.errors import RunFolderError
from visum_client.likeness.feature_space import PartFeatures, Rows
from visum_client.records import Part
from visum_client.report.contents import Contents


def read_descriptors(contents: Contents, parts: Sequence[Part]) -> PartFeatures:
    """The whitened descriptors by which parts were matched, a row a part.

    Raises:
        RunFolderError: parts.npz is missing, damaged, or does not hold these parts.
    """
    path = contents.folder.parts
    try:
        with np.load(path, allow_pickle=False) as arrays:
            descriptors, boxes = arrays["part_descriptor"], arrays["part_box"]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile) as error:
        raise RunFolderError(f"{path} is missing or damaged: {error}") from error
    numbers = np.array([part.part for part in parts])
    if descriptors.ndim != 2 or boxes.shape != (len(descriptors), 4) or not _are_within(numbers, len(descriptors)):
        raise RunFolderError(f"{path} does not hold the parts of the summaries")
    rows = descriptors[numbers].astype(np.float32)
    if (boxes[numbers] != np.array([part.box for part in parts])).any() or not np.isfinite(rows).all():
        raise RunFolderError(f"{path} does not hold the parts of the summaries")
    return descriptor_features(rows)


def descriptor_features(rows: Rows) -> PartFeatures:
    """Descriptors [n, F] as features of parts; matching does not mirror them unless asked to, so neither is this."""
    return PartFeatures((rows,), (rows,))


def _are_within(numbers: np.ndarray, count: int) -> bool:
    return bool(numbers.min(initial=0) >= 0 and numbers.max(initial=-1) < count)
