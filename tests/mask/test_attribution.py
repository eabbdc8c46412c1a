"""Masks of a user's own network, called as Captum and Quantus call attribution methods."""

from copy import deepcopy

import numpy as np
import pytest
import torch
from captum.metrics import infidelity, sensitivity_max
from torch import nn

from tests.support.networks import SIDE, DetailInWindow, SmallNetwork
from tests.support.pictures import chessboard
from visum_mask import CrispMask, MaskOptions
from visum_mask.modes import extract_masks
from visum_models import Card, Classifier, Preprocessing
from visum_runtime.errors import InvalidInput

WINDOW = (8, 8, 20, 20)
QUICK = MaskOptions(iterations=40, grid=16, target_drop=0.9999)


def window() -> nn.Module:
    return DetailInWindow(WINDOW).eval()


def boards(count: int) -> torch.Tensor:
    pixels = torch.from_numpy(chessboard(SIDE).copy()).permute(2, 0, 1).float() / 255
    return pixels.expand(count, -1, -1, -1).clone()


def explain(model, inputs, targets, **_):
    """What Quantus asks for: arrays in, an array out."""
    found = CrispMask(model, QUICK).attribute(torch.as_tensor(inputs), target=torch.as_tensor(targets))
    return found.numpy()


def test_only_the_pixels_that_matter_are_salient():
    images = boards(3)
    saliency = CrispMask(window(), QUICK).attribute(images, target=1)
    assert (saliency.shape, saliency.dtype) == (images.shape, images.dtype)
    assert ((saliency >= 0) & (saliency <= 1)).all()
    inside = torch.zeros(SIDE, SIDE, dtype=torch.bool)
    inside[WINDOW[1] : WINDOW[3], WINDOW[0] : WINDOW[2]] = True
    assert saliency[0, 0][inside].mean() > 10 * saliency[0, 0][~inside].mean()
    assert torch.equal(saliency[:, :1].expand_as(saliency), saliency)
    assert torch.equal(saliency[0], saliency[2])
    binary = CrispMask(window(), QUICK).attribute(images[:1], 1, binary=True)
    assert set(binary.unique().tolist()) == {0.0, 1.0}


def test_targets_are_given_as_to_captum():
    method, images = CrispMask(window(), QUICK), boards(2)
    expected = method.attribute(images, target=1)
    for target in ([1, 1], torch.tensor([1, 1]), torch.tensor(1), None):
        assert torch.equal(method.attribute(images, target=target), expected)


def test_a_tuple_of_one_input_gets_a_tuple():
    method, images = CrispMask(window(), QUICK), boards(1)
    (found,) = method.attribute((images,), target=1)
    assert torch.equal(found, method.attribute(images, target=1))
    with pytest.raises(InvalidInput, match="inputs: are 2, expected one tensor"):
        method.attribute((images, images), target=1)


def test_a_normalized_input_gets_the_mask_of_the_view_that_it_is_of():
    torch.manual_seed(0)
    network, pixels = SmallNetwork().eval(), torch.rand(1, 3, SIDE, SIDE)
    statistics = Preprocessing(SIDE, SIDE, mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.25))
    classifier = Classifier(network, Card("own", "0" * 64, "own", tuple("abcd"), statistics))
    target = torch.tensor([2])
    (expected,) = extract_masks(classifier, pixels, target, QUICK)
    found = CrispMask(network, QUICK).attribute(classifier.normalize(pixels), target=target)
    assert (found[0, 0] - expected.raw).abs().mean() < 0.02


def test_the_network_is_left_as_it_was():
    network = SmallNetwork().train()
    network.pool.eval()
    network.hidden.weight.requires_grad_(False)
    before = deepcopy(network.state_dict())
    with torch.no_grad():  # as Quantus may call it
        CrispMask(network, QUICK).attribute(torch.rand(1, 3, SIDE, SIDE), target=0)
    assert (network.training, network.pool.training) == (True, False)
    learning = {name for name, parameter in network.named_parameters() if parameter.requires_grad}
    assert learning == {name for name, _ in network.named_parameters()} - {"hidden.weight"}
    assert all(parameter.grad is None for parameter in network.parameters())
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    assert all(not module._forward_hooks for module in network.modules())


def test_metrics_of_captum_take_it():
    network, images = window(), boards(1)
    method = CrispMask(network, QUICK)

    def perturb(inputs):
        noise = 0.1 * torch.randn(inputs.shape, generator=torch.Generator().manual_seed(0))
        return noise, inputs - noise

    saliency = method.attribute(images, target=1)
    assert infidelity(network, perturb, images, saliency, target=1).shape == (1,)
    assert sensitivity_max(method.attribute, images, n_perturb_samples=1, target=1).shape == (1,)


def test_the_convention_of_quantus_is_met():
    found = explain(window(), boards(2).numpy(), np.array([1, 1]), device="cpu")
    assert isinstance(found, np.ndarray)
    assert found.shape == (2, 3, SIDE, SIDE)


@pytest.mark.parametrize(
    ("inputs", "target", "message"),
    [
        (torch.rand(3, SIDE, SIDE), 0, r"expected float \[N, 3, S, S\]"),
        (torch.rand(1, 3, SIDE, 16), 0, "expected float"),
        (torch.rand(0, 3, SIDE, SIDE), 0, "expected float"),
        (torch.zeros(1, 3, SIDE, SIDE, dtype=torch.uint8), 0, "expected float"),
        (torch.rand(2, 3, SIDE, SIDE), 4, r"target: must be within 0\.\.3"),
        (torch.rand(2, 3, SIDE, SIDE), [0, 1, 2], "target: is .* expected one class or 2"),
        (torch.rand(2, 3, SIDE, SIDE), 0.5, "target: is"),
    ],
)
def test_what_is_not_of_the_convention_is_refused(inputs, target, message):
    with pytest.raises(InvalidInput, match=message):
        CrispMask(SmallNetwork(), QUICK).attribute(inputs, target=target)


def test_a_network_that_answers_something_else_is_refused():
    with pytest.raises(InvalidInput, match=r"model: answers \[1, 3, 32, 32\]"):
        CrispMask(nn.Identity(), QUICK).attribute(torch.rand(1, 3, SIDE, SIDE), target=0)
