"""Builds networks: torchvision's by name, and exported programs."""

import difflib
import json
import math
import threading
import zipfile
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torchvision import models

from visum_models.card import IMAGENET_MEAN, IMAGENET_STD, Preprocessing
from visum_runtime.errors import FailedPrecondition, InvalidInput, NotFound

IMAGENET_CLASSES = 1000
_MAX_UNPACKED_BYTES = 16 << 30
_VIEW_FRACTION = 224 / 256
_TRANSFORMS_INPUT = ("googlenet", "inception_v3")
_VISION_TRANSFORMER = "vit_"
_POSITIONS = "encoder.pos_embedding"
_POSITION_DIMENSIONS = 3
# torch keeps the deserializer at work in a variable of the process and refuses a second one beside it.
_DESERIALIZER = threading.Lock()


def classification_architectures() -> list[str]:
    """Names of torchvision's image classification networks."""
    return models.list_models(module=models)


def require_architecture(name: str) -> None:
    """Raises NotFound, with near names, unless `name` is one of torchvision's classification networks."""
    known = classification_architectures()
    if name not in known:
        near = difflib.get_close_matches(name, known, n=3)
        hint = f"; did you mean {', '.join(near)}?" if near else ""
        raise NotFound(f"no torchvision classification network is called {name!r}{hint}")


def standard_preprocessing(architecture: str) -> Preprocessing:
    """The preprocessing of an architecture's standard weights."""
    transforms = models.get_model_weights(architecture)["DEFAULT"].transforms()
    return Preprocessing(
        resize=int(transforms.resize_size[0]),
        crop=int(transforms.crop_size[0]),
        interpolation=transforms.interpolation.value,
        mean=tuple(transforms.mean),
        std=tuple(transforms.std),
    )


def imagenet_classes() -> tuple[str, ...]:
    """The 1000 ImageNet class names in torchvision's order."""
    return tuple(models.SqueezeNet1_1_Weights.DEFAULT.meta["categories"])


def build_network(architecture: str, classes: int, state: dict[str, Any] | None = None) -> nn.Module:
    """A torchvision network, randomly initialized or with the weights of a state dict.

    Args:
        architecture: torchvision's name.
        classes: Number of outputs.
        state: Its weights; None leaves the random ones.

    Returns:
        The network in eval mode with frozen parameters.

    Raises:
        NotFound: torchvision has no such classification network.
        InvalidInput: The weights do not fit; names the first entries that do not.
    """
    require_architecture(architecture)
    options: dict[str, Any] = {"num_classes": classes}
    if architecture in _TRANSFORMS_INPUT:
        has_auxiliary = state is not None and any(key.lower().startswith("aux") for key in state)
        options |= {"transform_input": True, "init_weights": False, "aux_logits": has_auxiliary}
    if architecture.startswith(_VISION_TRANSFORMER):
        options["image_size"] = _transformer_side(architecture, state or {})
    network = models.get_model(architecture, weights=None, **options)
    if state is not None:
        _load_state(network, state, architecture)
    return network.eval().requires_grad_(False)


def read_state(path: Path) -> dict[str, Any]:
    """Reads a state dict; nothing in the file is executed.

    Raises:
        InvalidInput: Not a state dict of tensors; names the file.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch.load raises many kinds for damaged or foreign files
        raise InvalidInput(f"weights file {path.name} is not a state dict of tensors", field="model") from error
    if isinstance(state, dict) and isinstance(state.get("state_dict"), dict):
        state = state["state_dict"]
    is_state = isinstance(state, dict) and state and all(isinstance(value, torch.Tensor) for value in state.values())
    if not is_state:
        raise InvalidInput(f"weights file {path.name} is not a state dict of tensors", field="model")
    return state


def load_exported_program(path: Path) -> torch.export.ExportedProgram:
    """Loads an exported program whose file the operator trusts.

    Raises:
        FailedPrecondition: The archive holds pickled parts, which could execute code.
        InvalidInput: The file is damaged or no exported program.
    """
    _inspect_archive(path)
    try:
        with _DESERIALIZER:
            return torch.export.load(path)
    except Exception as error:  # torch.export.load raises many kinds for damaged files
        raise InvalidInput(f"{path.name} is not an exported program that this version reads", field="model") from error


def program_shape(program: torch.export.ExportedProgram) -> tuple[int, int]:
    """Side of the input, pixels, and number of classes of an exported program.

    Raises:
        InvalidInput: It does not map a batch of square RGB images to a batch of scores.
    """
    names = set(program.graph_signature.user_inputs)
    inputs = [node.meta["val"].shape for node in program.graph.nodes if node.op == "placeholder" and node.name in names]
    outputs = [node.meta["val"].shape for node in program.graph.output_node().args[0]]
    is_classifier = len(inputs) == 1 and len(inputs[0]) == 4 and len(outputs) == 1 and len(outputs[0]) == 2
    if not is_classifier or inputs[0][1] != 3 or inputs[0][2] != inputs[0][3]:
        raise InvalidInput("the exported program does not map [N, 3, S, S] to [N, classes]", field="model")
    return int(inputs[0][2]), int(outputs[0][1])


def program_preprocessing(side: int) -> Preprocessing:
    """ImageNet's preprocessing at another input size."""
    return Preprocessing(resize=round(side / _VIEW_FRACTION), crop=side, mean=IMAGENET_MEAN, std=IMAGENET_STD)


def _transformer_side(architecture: str, state: dict[str, Any]) -> int:
    """Side of a vision transformer's input, pixels: of its weights' position embedding, else of the standard weights.

    A vision transformer is built for one size: vit_h_14's standard weights are for 518 pixels, not for 224.
    """
    positions = state.get(_POSITIONS)
    if positions is None or positions.ndim != _POSITION_DIMENSIONS:
        return standard_preprocessing(architecture).crop
    patch = int(architecture.rsplit("_", 1)[-1])
    return patch * math.isqrt(positions.shape[1] - 1)


def _load_state(network: nn.Module, state: dict[str, Any], architecture: str) -> None:
    expected = {key: tuple(value.shape) for key, value in network.state_dict().items()}
    found = {key: tuple(value.shape) for key, value in state.items()}
    wrong = [f"{key} is missing" for key in expected.keys() - found.keys()]
    wrong += [f"{key} is unknown" for key in found.keys() - expected.keys()]
    shared = expected.keys() & found.keys()
    wrong += [f"{key} is {found[key]}, expected {expected[key]}" for key in shared if found[key] != expected[key]]
    if wrong:
        shown = "; ".join(sorted(wrong)[:3])
        raise InvalidInput(f"the weights do not fit {architecture} ({len(wrong)} entries): {shown}", field="model")
    network.load_state_dict(state)


def _inspect_archive(path: Path) -> None:
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            configurations = [
                json.loads(archive.read(m)) for m in members if m.filename.endswith("weights_config.json")
            ]
    except (OSError, zipfile.BadZipFile, json.JSONDecodeError, UnicodeDecodeError) as error:
        raise InvalidInput(f"{path.name} is not an exported program", field="model") from error
    if sum(member.file_size for member in members) > _MAX_UNPACKED_BYTES:
        raise InvalidInput(f"{path.name} unpacks to more than {_MAX_UNPACKED_BYTES} bytes", field="model")
    pickled = any(member.filename.endswith((".pkl", ".pickle")) for member in members)
    entries = [entry for configuration in configurations for entry in configuration.get("config", {}).values()]
    if pickled or any(entry.get("use_pickle") for entry in entries):
        raise FailedPrecondition(f"{path.name} holds pickled parts, which could execute code; export it again")
