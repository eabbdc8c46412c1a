"""The methods that are compared, and their masks."""

import time
from collections.abc import Sequence

import numpy as np
import torch

from visum_evaluation.masks.mask_store import MadeMask, MaskStore, mask_key
from visum_evaluation.masks.samples import Sample
from visum_mask.modes import threshold_to_area
from visum_mask.optimizer import START, optimize_masks
from visum_mask.options import MaskOptions, Mode, Preset, ScheduleName
from visum_models import Classifier

CRISP = MaskOptions()
OPTIMIZED = {
    "crisp": CRISP,
    "evidence": MaskOptions(preset=Preset.EVIDENCE),
    "iebb": MaskOptions(mode=Mode.IEBB),
    "literal": MaskOptions(mode=Mode.LITERAL),
    "crisp_450": MaskOptions(schedule=ScheduleName.PAPER),
}
THRESHOLDED = "iebb_thresh"
"""Made of the masks of iebb and crisp."""
METHODS = ("crisp", "evidence", "iebb", THRESHOLDED, "literal")
"""Those of the paper's table, and ours."""
ALL_METHODS = (*METHODS, "crisp_450")
"""Crisp masks by the paper's 450 iterations are made where they are asked for."""


def masks_of(
    method: str, classifier: Classifier, samples: Sequence[Sample], store: MaskStore, batch: int
) -> list[MadeMask]:
    """Masks of a method for each sample, taken from the store where they are there."""
    if method != THRESHOLDED:
        return make_masks(classifier, samples, OPTIMIZED[method], store, batch)
    smooth = make_masks(classifier, samples, OPTIMIZED["iebb"], store, batch)
    crisp = make_masks(classifier, samples, OPTIMIZED["crisp"], store, batch)
    return [_thresholded(*pair) for pair in zip(smooth, crisp, strict=True)]


def make_masks(
    classifier: Classifier,
    samples: Sequence[Sample],
    options: MaskOptions,
    store: MaskStore,
    batch: int,
    start: float = START,
) -> list[MadeMask]:
    """Masks of some options for each sample; those that the store lacks are made, so many at a time."""
    keys = [mask_key(classifier, sample.view, sample.target, options, start) for sample in samples]
    found = {key: store.get(key) for key in keys}
    missing = [(key, sample) for key, sample in zip(keys, samples, strict=True) if found[key] is None]
    for part in _batches(missing, batch):
        made = _optimize(classifier, [sample for _, sample in part], options, start)
        for (key, _), new in zip(part, made, strict=True):
            store.put(key, new)
            found[key] = new
    return [mask for key in keys if (mask := found[key])]


def _batches(items: list[tuple[str, Sample]], size: int) -> list[list[tuple[str, Sample]]]:
    return [items[first : first + size] for first in range(0, len(items), size)]


def _optimize(classifier: Classifier, samples: Sequence[Sample], options: MaskOptions, start: float) -> list[MadeMask]:
    pixels = torch.stack([classifier.to_pixels(sample.view) for sample in samples])
    targets = torch.tensor([sample.target for sample in samples], device=pixels.device)
    # Processor time, so that what else runs on the machine falls out; of other devices the processor knows nothing.
    clock = time.process_time if classifier.device.type == "cpu" else time.perf_counter
    started = clock()
    masks = [mask for mask in optimize_masks(classifier, pixels, targets, options, start=start) if mask]
    arrays = [(mask.raw.cpu().numpy(), mask.binary.cpu().numpy()) for mask in masks]
    seconds = (clock() - started) / len(samples)
    return [MadeMask(raw, binary, seconds) for raw, binary in arrays]


def _thresholded(smooth: MadeMask, crisp: MadeMask) -> MadeMask:
    binary = threshold_to_area(torch.from_numpy(smooth.raw), int(crisp.binary.sum())).numpy()
    return MadeMask(binary.astype(np.float32), binary, smooth.seconds + crisp.seconds)
