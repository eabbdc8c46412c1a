"""A network of one's own as a file that every service reads: an exported program with its card."""

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import torch
from torch import nn

from visum_models.card import EXPORTED_PROGRAM, Preprocessing
from visum_runtime.errors import InvalidInput

_SUFFIX = ".pt2"


def export_network(
    network: nn.Module,
    path: str | os.PathLike[str],
    classes: Sequence[str],
    preprocessing: Preprocessing,
    feature_layer: str = "",
    extra_files: Mapping[str, str] | None = None,
) -> Path:
    """Writes a classifier as an exported program, in inference mode and for any batch size, and its card beside it.

    Args:
        network: Maps normalized images, float32 [N, 3, S, S], to logits [N, C]; left in the mode that it was in.
        path: File to write, ending in .pt2; the card has the same stem and the ending .json.
        classes: Names of the C classes, in the order of the logits.
        preprocessing: How an image becomes the network's input; its `crop` is S.
        feature_layer: Submodule whose output describes images; empty: found by rule.
        extra_files: Texts by name that the program's archive carries along.

    Returns:
        The path of the program.

    Raises:
        InvalidInput: The ending is another, or the network does not give one score for each class.
    """
    path = Path(path)
    if path.suffix != _SUFFIX:
        raise InvalidInput(f"{path.name} must end in {_SUFFIX}", field="path")
    program = _program(network, preprocessing.crop, len(classes))
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.export.save(program, path, extra_files=dict(extra_files or {}))
    card = {
        "name": path.stem,
        "architecture": EXPORTED_PROGRAM,
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "classes": list(classes),
        "preprocessing": asdict(preprocessing),
        "feature_layer": feature_layer,
    }
    path.with_suffix(".json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    return path


def _program(network: nn.Module, side: int, classes: int) -> torch.export.ExportedProgram:
    trained = [module for module in network.modules() if module.training]
    device = next((parameter.device for parameter in network.parameters()), torch.device("cpu"))
    example = torch.zeros(2, 3, side, side, device=device)
    try:
        network.eval()
        program = torch.export.export(network, (example,), dynamic_shapes=({0: torch.export.Dim("batch")},))
        shape = tuple(program.module()(example).shape)
    finally:
        for module in trained:
            module.training = True
    if shape != (2, classes):
        message = f"are {classes}, but the network answers two images with a tensor of shape {list(shape)}"
        raise InvalidInput(message, field="classes")
    _forget_origin(program)
    return program


def _forget_origin(program: torch.export.ExportedProgram) -> None:
    """Example inputs would swell the file, and stack traces would carry the paths of this machine."""
    program.example_inputs = None
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)
