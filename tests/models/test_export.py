"""A user's own network, written by one call, is what the services load."""

import zipfile

import numpy as np
import pytest
import torch
from torch import nn

from tests.support.networks import SIDE, SmallNetwork, identity_preprocessing
from visum_models import ModelRepository, export_network
from visum_models.repository import ModelSettings
from visum_runtime.errors import InvalidInput

CLASSES = ("cat", "dog", "cow", "hen")


class WithDropout(nn.Module):
    """Answers otherwise in training than in inference."""

    def __init__(self) -> None:
        super().__init__()
        self.body = SmallNetwork()
        self.dropout = nn.Dropout(0.9)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        return self.dropout(self.body(pixels))


@pytest.mark.parametrize("batch", [1, 2, 5])
def test_the_loaded_network_answers_as_the_original_does_in_inference(tmp_path, batch):
    network = WithDropout().train()
    export_network(network, tmp_path / "mine.pt2", CLASSES, identity_preprocessing())
    loaded = ModelRepository(ModelSettings(model_dir=tmp_path, trust_model_dir=True)).load("mine")
    pixels = torch.rand(batch, 3, SIDE, SIDE)
    with torch.no_grad():
        expected = network.eval()(pixels)
        np.testing.assert_allclose(loaded.logits(pixels), expected, atol=1e-6)


def test_the_network_keeps_its_mode_and_weights(tmp_path):
    network = WithDropout().train()
    before = {name: value.clone() for name, value in network.state_dict().items()}
    export_network(network, tmp_path / "mine.pt2", CLASSES, identity_preprocessing())
    assert network.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())


def test_the_card_says_what_was_given(tmp_path):
    path = export_network(SmallNetwork(), tmp_path / "deep" / "mine.pt2", CLASSES, identity_preprocessing(), "hidden")
    card = ModelRepository(ModelSettings(model_dir=path.parent, trust_model_dir=True)).cards()[0]
    assert (card.name, card.classes, card.feature_layer) == ("mine", CLASSES, "hidden")
    assert card.preprocessing == identity_preprocessing()


def test_the_file_tells_nothing_of_the_machine_that_wrote_it(tmp_path):
    path = export_network(SmallNetwork(), tmp_path / "mine.pt2", CLASSES, identity_preprocessing())
    assert b"networks.py" not in path.read_bytes()


@pytest.mark.parametrize(
    ("name", "classes", "field"), [("mine.pth", CLASSES, "path"), ("mine.pt2", CLASSES[:3], "classes")]
)
def test_what_cannot_be_used_is_refused_before_it_is_written(tmp_path, name, classes, field):
    with pytest.raises(InvalidInput) as caught:
        export_network(SmallNetwork(), tmp_path / name, classes, identity_preprocessing())
    assert caught.value.field == field
    assert list(tmp_path.iterdir()) == []


def test_texts_travel_in_the_archive_and_do_not_disturb_loading(tmp_path):
    texts = {"about": "said by hand"}
    path = export_network(SmallNetwork(), tmp_path / "mine.pt2", CLASSES, identity_preprocessing(), extra_files=texts)
    with zipfile.ZipFile(path) as archive:
        (name,) = [name for name in archive.namelist() if name.endswith("about")]
        assert archive.read(name) == b"said by hand"
    assert ModelRepository(ModelSettings(model_dir=tmp_path, trust_model_dir=True)).load("mine").card.classes == CLASSES


def test_every_layer_stays_in_the_mode_that_it_was_in(tmp_path):
    """As where batch statistics are frozen while the rest is trained."""
    network = WithDropout().train()
    network.body.eval()
    export_network(network, tmp_path / "mine.pt2", CLASSES, identity_preprocessing())
    assert (network.training, network.dropout.training, network.body.training) == (True, True, False)
    assert not network.body.features[0].training
