import copy
from dataclasses import replace

import pytest
import torch
from torch import nn
from visum.v1 import common_pb2

from tests.support.networks import DetailInWindow, SmallNetwork, classifier_of
from tests.support.pictures import chessboard, noise
from visum_mask.adam import Adam
from visum_mask.optimizer import LEAST_REQUIRED_DROP, optimize_masks
from visum_mask.options import MaskOptions, Mode, Perturbation, ScheduleName
from visum_mask.scores import perturbed_scores
from visum_models import ModelRepository
from visum_models.repository import ModelSettings
from visum_runtime.errors import InvalidInput
from visum_runtime.views import ImageLimits, load_view

WINDOW = (8, 8, 16, 16)
SHORT = MaskOptions(iterations=60, grid=16)


def optimize(network, pictures, options=SHORT, target=1, classes=2, **keywords):
    classifier = classifier_of(network, classes)
    pixels = torch.stack([classifier.to_pixels(picture) for picture in pictures])
    targets = torch.full((len(pictures),), target)
    return optimize_masks(classifier, pixels, targets, options, **keywords)


@pytest.mark.parametrize("window", [(8, 8, 16, 16), (0, 20, 12, 32), (18, 4, 28, 12)])
def test_the_mask_is_the_window_that_the_network_looks_at(window):
    (mask,) = optimize(DetailInWindow(window), [chessboard(32)], MaskOptions(grid=16))
    x0, y0, x1, y1 = window
    inside = mask.binary[y0:y1, x0:x1].float().mean().item()
    outside = mask.binary.sum().item() - mask.binary[y0:y1, x0:x1].sum().item()
    assert inside > 0.8
    assert outside < 0.5 * (x1 - x0) * (y1 - y0)


@pytest.mark.parametrize(
    "options",
    [
        MaskOptions(schedule=ScheduleName.PAPER, grid=16),
        MaskOptions(mode=Mode.LITERAL, grid=16),
        MaskOptions(mode=Mode.IEBB, grid=16),
        MaskOptions(perturbation=Perturbation.PYRAMID, grid=16),
    ],
)
def test_every_mode_covers_the_window(options):
    (mask,) = optimize(DetailInWindow(WINDOW), [chessboard(32)], options)
    assert mask.raw[8:16, 8:16].mean() > 0.7
    assert mask.raw.mean() < 0.9


def test_raw_masks_are_saliency_within_0_and_1_and_crisp_ones_nearly_binary():
    (mask,) = optimize(DetailInWindow(WINDOW), [chessboard(32)], replace(SHORT, target_drop=0.9999))
    assert mask.raw.min() >= 0
    assert mask.raw.max() <= 1
    assert ((mask.raw > 0.1) & (mask.raw < 0.9)).float().mean() < 0.002
    assert ((mask.raw > 0.5) == mask.binary).all()


def test_a_picture_in_company_gets_the_mask_it_gets_alone():
    pictures = [noise(32, 32, seed) for seed in range(4)]
    together = optimize(DetailInWindow(WINDOW), pictures)
    for picture, mask in zip(pictures, together, strict=True):
        (alone,) = optimize(DetailInWindow(WINDOW), [picture])
        torch.testing.assert_close(mask.raw, alone.raw, atol=1e-3, rtol=0)


def test_the_same_call_gives_the_same_mask_bit_for_bit():
    first, second = (optimize(SmallNetwork(), [noise(32, 32)], classes=4)[0] for _ in range(2))
    assert torch.equal(first.raw, second.raw)


def test_a_stopped_picture_leaves_the_batch_and_the_others_do_not_notice():
    calls = []

    def stops():
        calls.append(None)
        return len(calls) > 5

    pictures = [noise(32, 32, seed) for seed in range(3)]
    never = lambda: False  # noqa: E731
    masks = optimize(DetailInWindow(WINDOW), pictures, should_stop=[never, stops, never])
    assert masks[1] is None
    assert len(calls) == 6
    (alone,) = optimize(DetailInWindow(WINDOW), [pictures[2]])
    torch.testing.assert_close(masks[2].raw, alone.raw, atol=1e-3, rtol=0)


def test_a_batch_in_which_all_stop_ends_at_once():
    rounds = []

    def stops():
        rounds.append(None)
        return True

    assert optimize(SmallNetwork(), [noise(32, 32)], classes=4, should_stop=[stops]) == [None]
    assert len(rounds) == 1


def test_the_network_is_left_exactly_as_it_was():
    network = SmallNetwork().eval()
    network.register_buffer("count", torch.zeros(1))
    before = copy.deepcopy(network.state_dict())
    optimize(network, [noise(32, 32)], classes=4)
    after = network.state_dict()
    assert all(torch.equal(before[key], after[key]) for key in before)
    assert all(parameter.grad is None for parameter in network.parameters())
    assert not any(module._forward_hooks or module._backward_hooks for module in network.modules())


def test_a_target_that_cannot_be_reached_gives_a_mask_all_the_same():
    class Constant(nn.Module):
        def forward(self, pixels):
            return pixels.mean(dim=(2, 3)) * 0 + torch.tensor([0.0, 1.0, 0.0])

    (mask,) = optimize(Constant(), [noise(32, 32)], classes=3)
    assert torch.isfinite(mask.raw).all()


class Saturating(nn.Module):
    """Detail in a window, of which the score keeps a share whatever is blurred."""

    def __init__(self, window, left):
        super().__init__()
        self.detail = DetailInWindow(window)
        self.left = left

    def forward(self, pixels):
        share = self.detail(pixels).softmax(1)[:, 1:]
        kept = self.left + (0.99 - self.left) * share
        return torch.cat([1 - kept, kept], dim=1).log()


def test_a_target_that_no_blur_reaches_covers_everything_unless_its_reach_is_limited():
    network = Saturating(WINDOW, left=0.2)
    (unlimited,) = optimize(network, [chessboard(32)])
    (limited,) = optimize(network, [chessboard(32)], replace(SHORT, reach=0.9))
    assert unlimited.required_drop == pytest.approx(SHORT.required_drop)
    assert 0.5 < limited.required_drop < 0.8
    assert limited.binary.float().mean() < 0.5 * unlimited.binary.float().mean()
    assert limited.binary[8:16, 8:16].sum() > 0.9 * limited.binary.sum()


def test_the_reach_does_not_limit_a_target_that_a_blur_of_the_whole_view_passes():
    options = replace(SHORT, target_drop=0.5)
    (limited,) = optimize(DetailInWindow(WINDOW), [chessboard(32)], replace(options, reach=0.9))
    (unlimited,) = optimize(DetailInWindow(WINDOW), [chessboard(32)], options)
    assert limited.required_drop == pytest.approx(0.5)
    assert torch.equal(limited.raw, unlimited.raw)


def test_where_a_blur_takes_nothing_away_some_drop_is_required_all_the_same():
    (mask,) = optimize(Saturating(WINDOW, left=0.98), [chessboard(32)], replace(SHORT, reach=0.9))
    assert mask.required_drop == pytest.approx(LEAST_REQUIRED_DROP)


def test_adam_is_torchs():
    generator = torch.Generator().manual_seed(0)
    ours = torch.rand(2, 1, 4, 4, generator=generator)
    theirs = ours.clone().requires_grad_()
    adam, reference = Adam(ours), torch.optim.Adam([theirs], lr=0.1)
    for _ in range(20):
        gradient = torch.randn(2, 1, 4, 4, generator=generator)
        adam.step(ours, gradient, 0.1)
        theirs.grad = gradient.clone()
        reference.step()
    torch.testing.assert_close(ours, theirs.detach())


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"iterations": 3}, "iterations"),
        ({"grid": 3}, "grid"),
        ({"blur_sigma": 0.0}, "blur_sigma"),
        ({"blur_sigma": float("nan")}, "blur_sigma"),
        ({"target_drop": 1.0}, "target_drop"),
        ({"min_region_area": -0.1}, "min_region_area"),
        ({"reach": 0.0}, "reach"),
        ({"reach": 1.1}, "reach"),
    ],
)
def test_options_out_of_range_are_refused_by_field(values, field):
    with pytest.raises(InvalidInput) as caught:
        MaskOptions(**values)
    assert caught.value.field == f"options.{field}"


def test_a_drop_on_real_photographs_is_nearly_complete_at_a_small_area(real_classifier, real_pictures):
    pixels = torch.stack([real_classifier.to_pixels(view) for view in real_pictures])
    with torch.no_grad():
        before = real_classifier.logits(pixels).softmax(1)
    targets = before.argmax(1)
    masks = optimize_masks(real_classifier, pixels, targets, MaskOptions())
    for i, mask in enumerate(masks):
        after = perturbed_scores(real_classifier, pixels[i], int(targets[i]), mask.binary[None].float()).probabilities
        assert 1 - after[0] / before[i, targets[i]].item() > 0.9995
        assert mask.binary.float().mean() < 0.25


@pytest.fixture
def real_classifier(visum_data):
    settings = ModelSettings(model_dir=visum_data / "weights", trust_model_dir=True)
    return ModelRepository(settings).load("squeezenet1_1")


@pytest.fixture
def real_pictures(visum_data, real_classifier):
    files = [visum_data / "one_per_class" / name for name in _CLEAR_PHOTOGRAPHS]
    preprocessing = real_classifier.card.preprocessing.to_message()
    limits = ImageLimits(1 << 24, 1 << 26)
    return [load_view(common_pb2.Image(data=f.read_bytes()), preprocessing, limits).pixels for f in files]


_CLEAR_PHOTOGRAPHS = ("n02119022_red_fox.jpg",)
