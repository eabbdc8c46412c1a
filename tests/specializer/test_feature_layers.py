"""The table of docs/specializer.md: the layer taken for every network of torchvision."""

import re
from typing import Any

import pytest
import torch
from torch.overrides import TorchFunctionMode
from torchvision import models

from tests.conftest import ROOT
from visum_models import Card, Classifier
from visum_models.card import Preprocessing
from visum_models.layers import feature_source
from visum_models.networks import build_network, classification_architectures

ROW = re.compile(r"^\| (\w+) \| `([\w.]+)` \| (input|output) \| (\d+) \|$", re.MULTILINE)
SIDE = {"inception_v3": 299, "vit_h_14": 518}
SAMPLE = ("alexnet", "vgg11", "squeezenet1_1", "mobilenet_v3_small", "regnet_y_400mf", "resnet18", "vit_b_32")


class _WithoutMemory(TorchFunctionMode):
    """Parameters have shapes and no values, so that the largest networks are built in a moment."""

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        device = {"device": "meta"} if function is torch.empty else {}
        return function(*args, **(kwargs or {}) | device)


def table() -> dict[str, tuple[str, str, int]]:
    text = (ROOT / "docs" / "specializer.md").read_text(encoding="utf-8")
    return {name: (layer, side, int(width)) for name, layer, side, width in ROW.findall(text)}


def taken(name: str) -> tuple[str, str, int]:
    """Layer, input or output of it, and number of features."""
    with _WithoutMemory():
        network = build_network(name, 1000)
    side = SIDE.get(name, 224)
    card = Card(name, "0" * 64, name, ("x",) * 1000, Preprocessing(resize=side, crop=side))
    layer, takes_input = feature_source(Classifier(network.to("meta"), card, torch.device("meta")), "")
    outputs, inputs = network.get_submodule(layer).weight.shape[:2]
    return layer, "input" if takes_input else "output", inputs if takes_input else outputs


def test_the_table_lists_every_network():
    assert sorted(table()) == sorted(classification_architectures())


@pytest.mark.parametrize("name", SAMPLE)
def test_the_table_names_the_layer_that_is_taken(name):
    assert table()[name] == taken(name)


@pytest.mark.parametrize(("name", "side", "positions"), [("vit_h_14", None, 1370), ("vit_b_32", 384, 145)])
def test_a_vision_transformer_is_built_for_the_size_of_its_weights(name, side, positions):
    with _WithoutMemory():
        state = models.get_model(name, image_size=side).state_dict() if side else None
        network = build_network(name, 1000, state)
    assert network.encoder.pos_embedding.shape[1] == positions


@pytest.mark.long
@pytest.mark.parametrize("name", classification_architectures())
def test_the_table_names_the_layer_that_is_taken_of_every_network(name):
    assert table()[name] == taken(name)
