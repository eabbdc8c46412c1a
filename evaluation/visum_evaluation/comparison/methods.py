"""Attributions of each method for one view."""

import importlib
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from visum_client.errors import NotBuiltError
from visum_evaluation.masks.samples import Sample
from visum_mask import CrispMask, MaskOptions
from visum_mask.options import Preset
from visum_models import Classifier

Attribution = NDArray[np.float32]
"""How much each pixel speaks for the class, [S, S]; only the order counts."""
INTEGRATION_STEPS = 32
_WINDOWS_A_SIDE = 14
"""Occlusion's windows are the view's side divided by this, and overlap by half."""
_BATCH = 8
METHODS = ("crisp", "evidence", "integrated_gradients", "grad_cam", "occlusion")


def attribute(name: str, classifier: Classifier, sample: Sample) -> tuple[Attribution, float]:
    """The attribution of a method, and what it took: seconds of the processor on a CPU, else of the clock."""
    normalized = classifier.normalize(classifier.to_pixels(sample.view)[None])
    clock = time.process_time if classifier.device.type == "cpu" else time.perf_counter
    started = clock()
    found = _FUNCTIONS[name](classifier, normalized, sample.target)
    return found.detach().cpu().numpy().astype(np.float32), clock() - started


def require_captum() -> Any:
    """Captum's methods. Raises NotBuiltError where it is not installed."""
    try:
        return importlib.import_module("captum.attr")
    except ImportError as error:
        raise NotBuiltError("Captum is not installed: pip install 'visum-evaluation[captum]'") from error


def last_feature_maps(classifier: Classifier) -> nn.Module:
    """The layer with weights that is executed last and answers feature maps: what Grad-CAM looks at."""
    weighted = [layer for layer in classifier.executed_layers if next(layer.module.parameters(), None) is not None]
    return next(layer.module for layer in reversed(weighted) if layer.output_dimensions == 4)


def _crisp(classifier: Classifier, normalized: Tensor, target: int) -> Tensor:
    return CrispMask(classifier.network).attribute(normalized, target)[0, 0]


def _evidence(classifier: Classifier, normalized: Tensor, target: int) -> Tensor:
    return CrispMask(classifier.network, MaskOptions(preset=Preset.EVIDENCE)).attribute(normalized, target)[0, 0]


def _integrated_gradients(classifier: Classifier, normalized: Tensor, target: int) -> Tensor:
    method = require_captum().IntegratedGradients(classifier.network)
    found = method.attribute(normalized, target=target, n_steps=INTEGRATION_STEPS, internal_batch_size=_BATCH)
    return found[0].sum(dim=0)


def _grad_cam(classifier: Classifier, normalized: Tensor, target: int) -> Tensor:
    method = require_captum().LayerGradCam(classifier.network, last_feature_maps(classifier))
    maps = method.attribute(normalized.requires_grad_(), target=target, relu_attributions=True)
    return F.interpolate(maps, size=normalized.shape[-2:], mode="bilinear", align_corners=False)[0, 0]


def _occlusion(classifier: Classifier, normalized: Tensor, target: int) -> Tensor:
    side = max(2, normalized.shape[-1] // _WINDOWS_A_SIDE)
    window, stride = (3, side, side), (3, side // 2, side // 2)
    method = require_captum().Occlusion(classifier.network)
    with torch.no_grad():
        found = method.attribute(normalized, window, stride, target=target, perturbations_per_eval=_BATCH)
    return found[0].sum(dim=0)


_FUNCTIONS: dict[str, Callable[[Classifier, Tensor, int], Tensor]] = {
    "crisp": _crisp,
    "evidence": _evidence,
    "integrated_gradients": _integrated_gradients,
    "grad_cam": _grad_cam,
    "occlusion": _occlusion,
}
