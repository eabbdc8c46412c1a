"""Optimizes masks for a batch of views (paper, section 3.1)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from visum_mask import objective
from visum_mask.adam import Adam
from visum_mask.graphs import replayed
from visum_mask.growth import grown
from visum_mask.options import AreaController, MaskOptions, Phase, phases
from visum_mask.perturbation import make_perturbation, scaled_length
from visum_models import Classifier

START = 0.5
"""Where every cell begins."""
LEAST_REQUIRED_DROP = 0.3
"""Required even where a blur of the whole view takes less away."""
_ROWS = (
    "_targets",
    "_before",
    "_required",
    "_margins",
    "_cells",
    "_area_weights",
    "_best_cells",
    "_best_area",
    "_best_drop",
    "_last_drop",
)


@dataclass(frozen=True)
class OptimizedMask:
    """The mask of one view."""

    raw: Tensor
    """Saliency before it is made binary, float32 [S, S] in 0..1."""
    binary: Tensor
    """Saliency, bool [S, S]."""
    iterations: int
    """Iterations made."""
    required_drop: float
    """Relative drop that it had to reach, a fraction."""


def optimize_masks(
    classifier: Classifier,
    pixels: Tensor,
    targets: Tensor,
    options: MaskOptions,
    should_stop: Sequence[Callable[[], bool]] = (),
    *,
    start: float = START,
) -> list[OptimizedMask | None]:
    """Finds for each view the mask whose blurring takes the target's score away.

    Args:
        classifier: The network to explain.
        pixels: Views, float32 [N, 3, S, S] in 0..1.
        targets: Class to explain for each, int64 [N].
        options: Schedule and limits, and a mode that has phases of its own.
        should_stop: One a view, asked before every iteration; a view that answers true leaves the batch.
        start: Where every cell begins, 0..1.

    Returns:
        One mask a view; None for a view that was stopped.
    """
    batch = _Batch(classifier, pixels, targets, options, start)
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

    def __init__(
        self, classifier: Classifier, pixels: Tensor, targets: Tensor, options: MaskOptions, start: float
    ) -> None:
        self.members = list(range(len(pixels)))
        self._options = options
        self._side = pixels.shape[-1]
        self._targets = targets
        normalized = classifier.normalize(pixels)
        self._logits = replayed(classifier.fast_logits, normalized)
        self._perturb = make_perturbation(normalized, options.perturbation, options.blur_sigma)
        with torch.no_grad():
            logits = classifier.logits(pixels)
            self._before = objective.probability(logits, targets)
            self._required = self._required_drops(classifier, objective.log_odds(logits, targets))
        self._margins = objective.hinge_margin(self._before, self._required)
        cells = options.cells(self._side)
        self._cells = torch.full((len(pixels), 1, cells, cells), start, device=pixels.device)
        self._adam = Adam(self._cells)
        self._area_weights = torch.zeros(len(pixels), device=pixels.device)
        self._best_cells = self._cells.clone()
        self._best_area = torch.full_like(self._area_weights, torch.inf)
        self._best_drop = torch.full_like(self._area_weights, -torch.inf)
        self._last_drop = torch.full_like(self._area_weights, -torch.inf)
        self._phase = phases(options)[0]
        self._sharpness: float | None = None
        self._iterations = 0

    def begin(self, phase: Phase) -> None:
        self._phase = phase
        self._area_weights.fill_(phase.area)

    def drop(self, stopped: list[int]) -> None:
        if not stopped:
            return
        rows = [row for row, member in enumerate(self.members) if member not in stopped]
        indices = torch.tensor(rows, dtype=torch.long, device=self._cells.device)
        self.members = [self.members[row] for row in rows]
        self._adam.keep(indices)
        self._perturb = self._perturb.select(indices)
        for name in _ROWS:
            setattr(self, name, getattr(self, name)[indices])

    def iterate(self, phase: Phase, iteration: int) -> None:
        """One forward and backward pass, the controller, and a step."""
        share = iteration / max(phase.iterations - 1, 1)
        self._sharpness = _geometric(phase.sharpness, share) if phase.sharpness else None
        is_binary = phase.binary_from is not None and iteration >= phase.binary_from
        cells = self._cells.detach().requires_grad_()
        full = objective.upsample(cells, self._side)
        is_grown = phase.growth is not None and iteration % 2 == 0
        logits = self._logits(self._perturb(self._keep(full, is_binary, is_grown)))
        after = objective.probability(logits, self._targets)
        odds = objective.log_odds(logits, self._targets)
        loss = after + self._regularizers(cells, phase)
        if phase.hinge:
            loss = loss + phase.hinge * objective.log_odds_hinge(odds, self._margins)
        (gradient,) = torch.autograd.grad(loss.sum(), cells)
        if phase.controller is not None:
            self._area_weights = _steered(self._area_weights, odds.detach(), -self._margins, phase.controller)
        if is_binary:
            self._keep_best(full.detach(), objective.relative_drop(self._before, after.detach()))
        self._adam.step(self._cells, gradient, _geometric(phase.learning_rate, share))
        self._cells.clamp_(0, 1)
        self._iterations += 1

    def results(self) -> list[OptimizedMask]:
        cells = self._best_cells if self._phase.binary_from is not None else self._cells
        full = objective.upsample(cells, self._side)
        sharpness = self._phase.result_sharpness or self._sharpness
        keep = objective.project(full, sharpness) if sharpness else full
        binary = self._salient(full)
        raw = self._grown(1 - keep)
        return [
            OptimizedMask(saliency, mask, self._iterations, required)
            for saliency, mask, required in zip(raw[:, 0], binary[:, 0], self._required.tolist(), strict=True)
        ]

    def _required_drops(self, classifier: Classifier, odds: Tensor) -> Tensor:
        """The target drop, but no more than its share of the log-odds that a blur of the whole view takes away."""
        required = torch.full_like(self._before, self._options.required_drop)
        share = self._options.share_of_whole
        if share is None:
            return required
        nothing_kept = torch.zeros(len(self._before), 1, self._side, self._side, device=self._before.device)
        after = objective.log_odds(classifier.fast_logits(self._perturb(nothing_kept)), self._targets)
        least = torch.sigmoid(odds - share * (odds - after))
        within_reach = objective.relative_drop(self._before, least)
        return torch.minimum(required, within_reach.clamp(min=LEAST_REQUIRED_DROP))

    def _keep(self, full: Tensor, is_binary: bool, is_grown: bool) -> Tensor:
        if self._sharpness is None:
            return full
        projected = objective.project(full, self._sharpness)
        if not is_binary:
            return projected
        marked = full.detach()
        salient = self._salient(marked) if is_grown else marked <= objective.BINARY_THRESHOLD
        return objective.straight_through(~salient, projected)

    def _salient(self, full: Tensor) -> Tensor:
        """The binary mask that an image would get now, bool."""
        salient = full <= objective.BINARY_THRESHOLD
        return self._grown(salient.float()) > 0 if self._phase.growth else salient

    def _grown(self, saliency: Tensor) -> Tensor:
        growth = self._phase.growth
        return grown(saliency, max(1, round(scaled_length(growth, self._side)))) if growth else saliency

    def _regularizers(self, cells: Tensor, phase: Phase) -> Tensor:
        terms = self._area_weights * objective.area(cells) + phase.variation * objective.total_variation(cells)
        return terms + phase.crispness * objective.crispness(cells) if phase.crispness else terms

    def _keep_best(self, full: Tensor, drops: Tensor) -> None:
        """The smallest mask that reaches the target; until one does, the one of largest drop."""
        areas = self._salient(full).float().mean(dim=(1, 2, 3))
        if self._phase.growth is not None:
            drops, self._last_drop = torch.minimum(drops, self._last_drop), drops
        reached = drops >= self._required
        none_yet = torch.isinf(self._best_area)
        better = torch.where(reached, areas < self._best_area, none_yet & (drops > self._best_drop))
        self._best_cells = torch.where(better[:, None, None, None], self._cells, self._best_cells)
        self._best_drop = torch.where(better, drops, self._best_drop)
        self._best_area = torch.where(better & reached, areas, self._best_area)


def _steered(weights: Tensor, odds: Tensor, aims: Tensor, controller: AreaController) -> Tensor:
    """Area weights after one iteration, by how far the log-odds are below their aims."""
    distance = ((aims - odds) / controller.scale).clamp(-1, 1)
    factors = torch.where(distance > 0, controller.raise_factor**distance, controller.lower_factor**distance)
    return (weights * factors).clamp(controller.smallest, controller.largest)


def _geometric(ends: tuple[float, float], share: float) -> float:
    first, last = ends
    return first * (last / first) ** share
