import math

import pytest
import torch

from visum_mask import objective


def test_total_variation_of_one_step_edge():
    cells = torch.ones(1, 1, 4, 5)
    cells[..., 2:] = 0.5
    expected = 4 * 0.5**3 / 20
    assert objective.total_variation(cells).item() == pytest.approx(expected)


def test_regularizers_are_means_over_an_images_own_cells():
    cells = torch.rand(3, 1, 7, 7)
    for regularizer in (objective.area, objective.total_variation, objective.crispness):
        alone = torch.cat([regularizer(cells[i : i + 1]) for i in range(3)])
        torch.testing.assert_close(regularizer(cells), alone)


def test_crispness_is_zero_exactly_on_binary_masks_and_largest_at_one_half():
    assert objective.crispness(torch.tensor([[[[0.0, 1.0]]]])).item() == 0
    assert objective.crispness(torch.full((1, 1, 2, 2), 0.5)).item() == 0.25


@pytest.mark.parametrize(("cells", "side"), [(28, 224), (14, 224), (4, 37), (32, 32)])
def test_upsampling_and_its_gradient_are_torchs_bilinear_interpolation(cells, side):
    masks = torch.rand(2, 1, cells, cells, requires_grad=True)
    ours = objective.upsample(masks, side)
    theirs = torch.nn.functional.interpolate(masks, size=(side, side), mode="bilinear", align_corners=False)
    torch.testing.assert_close(ours, theirs)
    weights = torch.rand_like(ours)
    (gradient,) = torch.autograd.grad((ours * weights).sum(), masks)
    (expected,) = torch.autograd.grad((theirs * weights).sum(), masks)
    torch.testing.assert_close(gradient, expected, atol=1e-4, rtol=1e-5)


@pytest.mark.parametrize("sharpness", [2.0, 8.0, 32.0])
def test_the_projection_keeps_ends_and_middle_and_rises(sharpness):
    values = torch.linspace(0, 1, 101)
    projected = objective.project(values, sharpness)
    assert projected[[0, 50, 100]].tolist() == pytest.approx([0, 0.5, 1], abs=1e-6)
    assert (projected.diff() >= 0).all()


def test_straight_through_is_binary_with_the_projections_gradient():
    mask = torch.tensor([0.2, 0.6], requires_grad=True)
    projected = objective.project(mask, 8.0)
    binary = objective.straight_through(mask > objective.BINARY_THRESHOLD, projected)
    assert binary.tolist() == pytest.approx([0, 1])
    (through,) = torch.autograd.grad(binary.sum(), mask, retain_graph=True)
    (expected,) = torch.autograd.grad(projected.sum(), mask)
    torch.testing.assert_close(through, expected)


def test_log_odds_and_probability_agree():
    logits = torch.randn(5, 7, dtype=torch.float64)
    targets = torch.arange(5)
    odds = objective.log_odds(logits, targets)
    torch.testing.assert_close(torch.sigmoid(odds), objective.probability(logits, targets))


def test_the_hinge_margin_is_where_the_drop_is_reached():
    before = torch.tensor([0.9, 0.3, 0.01], dtype=torch.float64)
    after = torch.sigmoid(-objective.hinge_margin(before, 0.9998))
    torch.testing.assert_close(objective.relative_drop(before, after), torch.full((3,), 0.9998, dtype=torch.float64))


def test_the_log_odds_hinge_has_a_gradient_where_the_softmax_has_none():
    logits = torch.tensor([[200.0, 0.0]], requires_grad=True)
    targets = torch.tensor([0])
    (flat,) = torch.autograd.grad(objective.probability(logits, targets).sum(), logits)
    hinge = objective.log_odds_hinge(objective.log_odds(logits, targets), torch.tensor([8.0]))
    (steep,) = torch.autograd.grad(hinge.sum(), logits)
    assert flat.abs().max() == 0
    assert steep[0, 0].item() == pytest.approx(1)


def test_margins_stay_finite_where_the_probability_is_zero():
    assert torch.isfinite(objective.hinge_margin(torch.zeros(1), 0.9998)).all()
    assert math.isfinite(objective.relative_drop(torch.zeros(1), torch.zeros(1)).item())
