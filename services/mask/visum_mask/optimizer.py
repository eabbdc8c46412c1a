"""Optimizes masks for a batch of views (paper, section 3.1)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from visum_mask import objective
from visum_mask.adam import Adam
from visum_mask.options import MaskOptions, Perturbation, Phase, phases
from visum_mask.perturbation import Blend, Pyramid
from visum_models import Classifier

_START = 0.5


@dataclass(frozen=True)
class OptimizedMask:
    """The mask of one view."""

    raw: Tensor
    """Saliency before it is made binary, float32 [S, S] in 0..1."""
    binary: Tensor
    """Saliency, bool [S, S]."""
    iterations: int
    """Iterations made."""
    target_reached: bool
    """The binary mask reached the target drop during the optimization."""


def make_perturbation(pixels: Tensor, kind: Perturbation, sigma: float) -> Blend | Pyramid:
    """The perturbation of views [N, 3, S, S], prepared for many masks."""
    return Pyramid(pixels, sigma) if kind is Perturbation.PYRAMID else Blend(pixels, sigma)


def optimize_masks(
    classifier: Classifier,
    pixels: Tensor,
    targets: Tensor,
    options: MaskOptions,
    should_stop: Sequence[Callable[[], bool]] = (),
) -> list[OptimizedMask | None]:
    """Finds for each view the mask whose blurring takes the target's score away.

    Args:
        classifier: The network to explain.
        pixels: Views, float32 [N, 3, S, S] in 0..1.
        targets: Class to explain for each, int64 [N].
        options: Mode, schedule and limits.
        should_stop: One a view, asked before every iteration; a view that answers true leaves the batch.

    Returns:
        One mask a view; None for a view that was stopped.
    """
    batch = _Batch(classifier, pixels, targets, options)
    checks = should_stop or [lambda: False] * len(pixels)
    for phase in phases(options):
        batch.begin(phase)
        for iteration in range(phase.iterations):
            batch.drop([i for i in batch.members if checks[i]()])
            if not batch.members:
                return [None] * len(pixels)
            batch.iterate(phase, iteration)
    found = dict(zip(batch.members, batch.results(), strict=True))
    return [found.get(i) for i in range(len(pixels))]


class _Batch:
    """The state of an optimization; every tensor has one row a view that is still in it."""

    def __init__(self, classifier: Classifier, pixels: Tensor, targets: Tensor, options: MaskOptions) -> None:
        self.members = list(range(len(pixels)))
        self._classifier = classifier
        self._options = options
        self._side = pixels.shape[-1]
        self._targets = targets
        self._perturb = make_perturbation(pixels, options.perturbation, options.blur_sigma)
        with torch.no_grad():
            self._before = objective.probability(classifier.logits(pixels), targets)
        self._margins = objective.hinge_margin(self._before, options.target_drop)
        cells = options.cells(self._side)
        self._cells = torch.full((len(pixels), 1, cells, cells), _START, device=pixels.device)
        self._adam = Adam(self._cells)
        self._area_weights = torch.zeros(len(pixels), device=pixels.device)
        self._best_cells = self._cells.clone()
        self._best_area = torch.full_like(self._area_weights, torch.inf)
        self._best_drop = torch.full_like(self._area_weights, -torch.inf)
        self._sharpness: float | None = None
        self._keeps_best = False
        self._iterations = 0

    def begin(self, phase: Phase) -> None:
        self._area_weights.fill_(phase.area)
        self._keeps_best = phase.binary_from is not None

    def drop(self, stopped: list[int]) -> None:
        if not stopped:
            return
        rows = [row for row, member in enumerate(self.members) if member not in stopped]
        indices = torch.tensor(rows, dtype=torch.long, device=self._cells.device)
        self.members = [self.members[row] for row in rows]
        self._adam.keep(indices)
        self._perturb = self._perturb.select(indices)
        for name in ("targets", "before", "margins", "cells", "area_weights", "best_cells", "best_area", "best_drop"):
            setattr(self, f"_{name}", getattr(self, f"_{name}")[indices])

    def iterate(self, phase: Phase, iteration: int) -> None:
        """One forward and backward pass, the controller, and a step."""
        share = iteration / max(phase.iterations - 1, 1)
        self._sharpness = _geometric(phase.sharpness, share) if phase.sharpness else None
        is_binary = phase.binary_from is not None and iteration >= phase.binary_from
        cells = self._cells.detach().requires_grad_()
        full = objective.upsample(cells, self._side)
        logits = self._classifier.logits(self._perturb(self._keep(full, is_binary)))
        after = objective.probability(logits, self._targets)
        loss = after + self._regularizers(cells, phase)
        if phase.hinge:
            odds = objective.log_odds(logits, self._targets)
            loss = loss + phase.hinge * objective.log_odds_hinge(odds, self._margins)
        (gradient,) = torch.autograd.grad(loss.sum(), cells)
        self._observe(phase, full.detach(), after.detach(), is_binary)
        self._adam.step(self._cells, gradient, _geometric(phase.learning_rate, share))
        self._cells.clamp_(0, 1)
        self._iterations += 1

    def results(self) -> list[OptimizedMask]:
        cells = self._best_cells if self._keeps_best else self._cells
        full = objective.upsample(cells, self._side)[:, 0]
        projected = objective.project(full, self._sharpness) if self._sharpness else full
        reached = (self._best_area < torch.inf).tolist()
        return [
            OptimizedMask(1 - raw, mask <= objective.BINARY_THRESHOLD, self._iterations, was_reached)
            for raw, mask, was_reached in zip(projected, full, reached, strict=True)
        ]

    def _keep(self, full: Tensor, is_binary: bool) -> Tensor:
        if self._sharpness is None:
            return full
        projected = objective.project(full, self._sharpness)
        return objective.straight_through(full, projected) if is_binary else projected

    def _regularizers(self, cells: Tensor, phase: Phase) -> Tensor:
        terms = self._area_weights * objective.area(cells) + phase.variation * objective.total_variation(cells)
        return terms + phase.crispness * objective.crispness(cells) if phase.crispness else terms

    def _observe(self, phase: Phase, full: Tensor, after: Tensor, is_binary: bool) -> None:
        """Steers the area weights and keeps the best binary mask, both by this forward pass."""
        drops = objective.relative_drop(self._before, after)
        reached = drops >= self._options.target_drop
        if phase.controller is not None:
            controller = phase.controller
            factors = torch.where(reached, controller.raise_factor, controller.lower_factor)
            self._area_weights = (self._area_weights * factors).clamp(controller.smallest, controller.largest)
        if is_binary:
            self._keep_best(full, drops, reached)

    def _keep_best(self, full: Tensor, drops: Tensor, reached: Tensor) -> None:
        """The smallest mask that reaches the target; until one does, the one of largest drop."""
        areas = (full <= objective.BINARY_THRESHOLD).float().mean(dim=(1, 2, 3))
        none_yet = torch.isinf(self._best_area)
        better = torch.where(reached, areas < self._best_area, none_yet & (drops > self._best_drop))
        self._best_cells[better] = self._cells[better]
        self._best_drop = torch.where(better, drops, self._best_drop)
        self._best_area = torch.where(better & reached, areas, self._best_area)


def _geometric(ends: tuple[float, float], share: float) -> float:
    first, last = ends
    return first * (last / first) ** share
