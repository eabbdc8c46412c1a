"""The specialized classifier as one file: an exported program, or ONNX."""

import base64
import hashlib
import importlib
import importlib.util
import tempfile
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import numpy as np
import torch

from visum_models import Card, Classifier, export_network
from visum_models.card import EXPORTED_PROGRAM
from visum_runtime.errors import FailedPrecondition
from visum_specializer.specialized_network import FEATURE_LAYER, SpecializedNetwork, specialize
from visum_specializer.summary_classifier import SummaryClassifier

CLASSIFIER_FILE = "visum_classifier"
"""Name, within an exported program's archive, of the classifier's message in base64."""
ONNX = "onnx"
_ONNX_PACKAGES = ("onnx", "onnxscript", "onnxruntime")
_ONNX_TOLERANCE = 1e-5


class Format(Enum):
    """Format of a file."""

    EXPORTED_PROGRAM = EXPORTED_PROGRAM
    ONNX = ONNX


@dataclass(frozen=True)
class ExportedFile:
    """A specialized classifier as a file."""

    data: bytes
    card: Card


def export(classifier: Classifier, summaries: SummaryClassifier, message: bytes, kind: Format) -> ExportedFile:
    """Network, SVMs and combination as one file for any batch size.

    Args:
        classifier: The network, on the CPU; nothing else may use it meanwhile.
        summaries: The SVMs.
        message: The classifier's serialization, which an exported program carries along.
        kind: Format of the file.

    Raises:
        NotFound: The network has no such layer.
        InvalidInput: The SVMs do not fit the network.
        FailedPrecondition: ONNX is asked for and its packages are missing, or it computes something else.
    """
    network = specialize(classifier, summaries)
    with tempfile.TemporaryDirectory(prefix="visum-export-") as folder:
        path = Path(folder) / "specialized.pt2"
        if kind is Format.ONNX:
            path = path.with_suffix(".onnx")
            _write_onnx(network, path, classifier.card.preprocessing.crop)
        else:
            texts = {CLASSIFIER_FILE: base64.b64encode(message).decode()}
            card = classifier.card
            export_network(network, path, card.classes, card.preprocessing, FEATURE_LAYER, extra_files=texts)
        data = path.read_bytes()
    return ExportedFile(data, _card(classifier.card, data, kind))


def _card(card: Card, data: bytes, kind: Format) -> Card:
    return Card(
        name=f"{card.name}-specialized",
        sha256=hashlib.sha256(data).hexdigest(),
        architecture=kind.value,
        classes=card.classes,
        preprocessing=card.preprocessing,
        feature_layer=FEATURE_LAYER if kind is Format.EXPORTED_PROGRAM else "",
    )


def _write_onnx(network: SpecializedNetwork, path: Path, side: int) -> None:
    missing = [name for name in _ONNX_PACKAGES if importlib.util.find_spec(name) is None]
    if missing:
        message = f"this server lacks {', '.join(missing)} for ONNX: install 'visum-specializer[onnx]'"
        raise FailedPrecondition(message)
    images = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(0))
    shapes = ({0: torch.export.Dim("batch")},)
    program = torch.onnx.export(network.eval(), (images,), dynamo=True, dynamic_shapes=shapes, verbose=False)
    assert program is not None
    program.save(path)
    _check_onnx(network, path, images)


def _check_onnx(network: SpecializedNetwork, path: Path, images: torch.Tensor) -> None:
    onnxruntime = importlib.import_module("onnxruntime")  # of an extra

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    (found,) = session.run(None, {session.get_inputs()[0].name: images.numpy()})
    with torch.no_grad():
        expected = network(images).numpy()
    difference = np.abs(np.exp(found) - np.exp(expected)).max()
    if not difference <= _ONNX_TOLERANCE:
        raise FailedPrecondition(f"ONNX Runtime computes other scores than the network, by {difference:.1e}")
