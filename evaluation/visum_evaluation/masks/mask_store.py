"""Masks on the disk, by content: none is computed twice."""

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from visum_mask import ALGORITHM_VERSION
from visum_mask.options import MaskOptions
from visum_models import Classifier


@dataclass(frozen=True, eq=False)
class MadeMask:
    """A mask and what it cost."""

    raw: NDArray[np.float32]
    """Saliency in 0..1, [S, S]."""
    binary: NDArray[np.bool_]
    """Salient pixels, [S, S]."""
    seconds: float
    """Seconds of its own share of the batch: of the processor on a CPU, of the clock on other devices."""


class MaskStore:
    """A folder of masks.

    Args:
        folder: Where they are kept; None keeps nothing.
    """

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)

    def get(self, key: str) -> MadeMask | None:
        """The mask of a key, or None."""
        path = self._path(key)
        if path is None or not path.is_file():
            return None
        with np.load(path) as stored:
            return MadeMask(stored["raw"], stored["binary"], float(stored["seconds"]))

    def put(self, key: str, mask: MadeMask) -> None:
        """Keeps a mask; a reader never sees half of one."""
        path = self._path(key)
        if path is None:
            return
        unfinished = path.with_suffix(f".{os.getpid()}")
        with unfinished.open("wb") as file:
            np.savez_compressed(file, raw=mask.raw, binary=mask.binary, seconds=mask.seconds)
        unfinished.replace(path)

    def _path(self, key: str) -> Path | None:
        return None if self._folder is None else self._folder / f"{key}.npz"


def mask_key(classifier: Classifier, view: NDArray[np.uint8], target: int, options: MaskOptions, start: float) -> str:
    """Digest of all that a mask depends on but the company in its batch."""
    content = [
        hashlib.sha256(view.tobytes()).hexdigest(),
        classifier.card.sha256,
        target,
        repr(options),
        start,
        str(classifier.execution),
        classifier.device.type,
        ALGORITHM_VERSION,
    ]
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
