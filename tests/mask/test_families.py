import copy

import pytest
import torch
from torchvision import models

from tests.support.networks import classifier_of
from visum_mask.optimizer import optimize_masks
from visum_mask.options import MaskOptions

FAMILIES = {
    "alexnet": 64,
    "convnext_tiny": 32,
    "densenet121": 32,
    "efficientnet_b0": 32,
    "efficientnet_v2_s": 32,
    "googlenet": 32,
    "inception_v3": 75,
    "maxvit_t": 224,
    "mnasnet0_5": 32,
    "mobilenet_v2": 32,
    "mobilenet_v3_small": 32,
    "regnet_y_400mf": 32,
    "resnet18": 32,
    "resnext50_32x4d": 32,
    "shufflenet_v2_x0_5": 32,
    "squeezenet1_1": 32,
    "swin_t": 32,
    "swin_v2_t": 32,
    "vgg11": 32,
    "vit_b_32": 224,
    "wide_resnet50_2": 32,
}
"""One network a family of torchvision's classifiers, and a small side that it accepts."""
QUICK = {"squeezenet1_1", "mobilenet_v3_small", "shufflenet_v2_x0_5", "swin_t"}


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=[] if name in QUICK else pytest.mark.long) for name in FAMILIES]
)
def test_a_network_of_every_family_gets_masks_and_is_left_as_it_was(name):
    torch.manual_seed(0)
    network = models.get_model(name, weights=None, **({"init_weights": False} if name in _OWN_START else {}))
    side = FAMILIES[name]
    classifier = classifier_of(network, 1000, side)
    before = copy.deepcopy(network.state_dict())
    masks = optimize_masks(classifier, torch.rand(2, 3, side, side), torch.tensor([1, 2]), MaskOptions(iterations=10))
    for mask in masks:
        assert mask.raw.shape == (side, side)
        assert torch.isfinite(mask.raw).all()
    after = network.state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)
    assert not network.training
    assert all(parameter.grad is None for parameter in network.parameters())


_OWN_START = ("googlenet", "inception_v3")
