"""What is told of a region depends on what is in it, and a mirrored view tells of the mirrored region."""

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torchvision import models

from tests.support.networks import classifier_of
from visum_models.strides import layers_at_strides
from visum_runtime.errors import FailedPrecondition, InvalidInput
from visum_specializer.region_features import describe_regions

SIDE = 64


class Staged(nn.Module):
    """Averages at strides 4, 8 and 16, so that every feature is known; then a head."""

    def __init__(self) -> None:
        super().__init__()
        self.fourth = nn.AvgPool2d(4)
        self.eighth = nn.AvgPool2d(2)
        self.sixteenth = nn.AvgPool2d(2)
        self.head = nn.Linear(3, 2)

    def forward(self, pixels: Tensor) -> Tensor:
        return self.head(self.sixteenth(self.eighth(self.fourth(pixels))).mean(dim=(2, 3)))


def view_and_regions() -> tuple[NDArray[np.uint8], NDArray[np.uint16]]:
    """A red square and a green one on black, each a region."""
    view = np.zeros((SIDE, SIDE, 3), np.uint8)
    regions = np.zeros((SIDE, SIDE), np.uint16)
    view[:16, :16, 0], regions[:16, :16] = 255, 1
    view[32:48, 16:48, 1], regions[32:48, 16:48] = 255, 2
    return view, regions


def test_pooled_features_are_the_mean_over_the_region():
    found = describe_regions(classifier_of(Staged(), 2, SIDE), *view_and_regions())
    np.testing.assert_allclose(found.pooled, [[1, 0, 0] * 3, [0, 1, 0] * 3], atol=1e-6)
    assert found.layers == {4: "fourth", 8: "eighth", 16: "sixteenth"}


def test_aligned_features_are_samples_of_the_box():
    found = describe_regions(classifier_of(Staged(), 2, SIDE), *view_and_regions())
    assert found.aligned.shape == (2, 2 * 3 * 16)
    by_channel = found.aligned.reshape(2, 2, 3, 16)
    assert (by_channel[0, :, 1] == 0).all()
    assert (by_channel[1, :, 0] == 0).all()
    assert by_channel[0, 0, 0].max() == pytest.approx(1)


def test_the_mirrored_view_tells_of_the_mirrored_region():
    network = classifier_of(models.squeezenet1_1(num_classes=5).eval(), 5, SIDE)
    view = np.random.default_rng(0).integers(0, 256, (SIDE, SIDE, 3), dtype=np.uint8)
    _, regions = view_and_regions()
    plain = describe_regions(network, view, regions)
    mirrored = describe_regions(network, view[:, ::-1].copy(), regions[:, ::-1].copy())
    for one, other in (("aligned", "aligned_mirrored"), ("pooled", "pooled_mirrored")):
        np.testing.assert_allclose(getattr(plain, one), getattr(mirrored, other), atol=1e-4)
        assert not np.allclose(getattr(plain, one), getattr(plain, other), atol=1e-3)


@pytest.mark.parametrize(
    ("architecture", "layers"),
    [
        ("resnet18", {4: "layer1", 8: "layer2", 16: "layer3"}),
        ("squeezenet1_1", {8: "features.7", 16: "classifier.0"}),
        ("vgg11", {4: "features.9", 8: "features.14", 16: "features.19"}),
    ],
)
def test_a_stage_is_preferred_to_its_last_layer(architecture, layers):
    network = classifier_of(models.get_model(architecture, num_classes=7).eval(), 7, 224)
    found = layers_at_strides(network, (4, 8, 16))
    assert {stride: found[stride] for stride in layers} == layers


def test_a_network_of_tokens_has_no_maps():
    network = classifier_of(nn.Sequential(nn.Flatten(), nn.Linear(3 * SIDE * SIDE, 2)), 2, SIDE)
    with pytest.raises(FailedPrecondition, match="no feature maps"):
        describe_regions(network, *view_and_regions())


@pytest.mark.parametrize("numbers", [(), (2,), (1, 3)])
def test_regions_are_numbered_without_a_gap(numbers):
    regions = np.zeros((SIDE, SIDE), np.uint16)
    for number in numbers:
        regions[number * 8] = number
    with pytest.raises(InvalidInput) as caught:
        describe_regions(classifier_of(Staged(), 2, SIDE), np.zeros((SIDE, SIDE, 3), np.uint8), regions)
    assert caught.value.field == "regions_png"


def test_the_network_is_left_as_it_was():
    network = classifier_of(Staged(), 2, SIDE)
    describe_regions(network, *view_and_regions())
    assert not any(module._forward_hooks for module in network.network.modules())
    assert torch.is_grad_enabled()
