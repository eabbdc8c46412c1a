"""Speed of masks: `python -m benchmarks.masks --json`.

The loop is measured against the bare forward and backward passes of the same network, batch, layout and precision, and
against two peers, written here from their published descriptions. What is compared is run in turns in one process, and
of each the fastest turn counts, so that what else runs on the machine falls out. A loop's iterations all cost the same,
so that a peer's seconds are those of its iterations in a short piece, scaled to its length.
"""

import argparse
import json
import math
import time
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor, nn
from torchvision import models

from visum_mask.graphs import replayed
from visum_mask.objective import area, probability, total_variation, upsample
from visum_mask.optimizer import optimize_masks
from visum_mask.options import MaskOptions, phases
from visum_mask.perturbation import REFERENCE_SIDE, gaussian_blur
from visum_models import Card, Classifier
from visum_models.card import Preprocessing
from visum_models.execution import Execution, Precision, choose_execution

TURNS = 3
PIECE_ITERATIONS = 10
"""Iterations that a turn runs of the peers' loops, of one image each."""
BATCH_ITERATIONS = 30
"""Iterations that a turn runs of ours and of its floor."""
PAPER_ITERATIONS = 450
SINGLE_LOOP_ITERATIONS = 500
SINGLE_LOOP_CELLS = 28
EXTREMAL_ITERATIONS = 800
EXTREMAL_CELLS = 112
EXTREMAL_LEVELS = 8
EXTREMAL_AREA = 0.1


def main() -> None:
    """Prints the figures as a table, or with --json as one JSON object."""
    parser = argparse.ArgumentParser(description="Measures the speed of masks.")
    parser.add_argument("--model", default="squeezenet1_1", help="a torchvision network; its weights are random")
    parser.add_argument("--batch", type=int, default=8, help="views a batch (default 8)")
    parser.add_argument("--device", default="cpu", help="cpu or cuda")
    parser.add_argument("--precision", default="auto", choices=list(Precision), help="of the loop and its floor")
    parser.add_argument("--turns", type=int, default=TURNS, help=f"turns (default {TURNS})")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    device = torch.device(arguments.device)
    execution = choose_execution(Precision(arguments.precision), device)
    figures = measure(random_classifier(arguments.model, device, execution), arguments.batch, arguments.turns)
    if arguments.json:
        print(json.dumps(figures))
    else:
        for name, value in figures.items():
            print(f"{name:28} {value}")


def measure(classifier: Classifier, batch: int, turns: int) -> dict[str, float | int | str]:
    """Seconds an image of the loop and of both peers, and the loop over its floor."""
    side = classifier.card.preprocessing.crop
    pixels = torch.rand(batch, 3, side, side, device=classifier.device)
    targets = classifier.logits(pixels).argmax(1)
    # The iterations of the short schedule and of the longer one cost the same: one piece stands for both.
    piece = MaskOptions(iterations=BATCH_ITERATIONS)
    plain = replace(classifier, execution=Execution(channels_last=False))
    floor, loop, single, extremal = fastest(
        [
            floor_pieces(classifier, pixels, targets),
            lambda: optimize_masks(classifier, pixels, targets, piece),
            lambda: single_loop(plain, pixels[:1], targets[:1], PIECE_ITERATIONS),
            lambda: extremal_perturbation(plain, pixels[:1], targets[:1], PIECE_ITERATIONS),
        ],
        turns,
    )
    iteration = loop / BATCH_ITERATIONS / batch
    iterations = sum(phase.iterations for phase in phases(MaskOptions()))
    usual, long = iterations * iteration, PAPER_ITERATIONS * iteration
    one_by_one = single / PIECE_ITERATIONS * SINGLE_LOOP_ITERATIONS
    extremal_image = extremal / PIECE_ITERATIONS * EXTREMAL_ITERATIONS
    return {
        "ratio_to_floor": loop / floor,
        "seconds_per_image": usual,
        "seconds_per_image_450": long,
        "speedup_over_single_loop": one_by_one / usual,
        "speedup_over_extremal": extremal_image / usual,
        "speedup_over_single_loop_450": one_by_one / long,
        "speedup_over_extremal_450": extremal_image / long,
        "seconds_per_image_floor": floor / BATCH_ITERATIONS / batch * iterations,
        "seconds_per_image_single_loop": one_by_one,
        "seconds_per_image_extremal": extremal_image,
        "images_per_second": 1 / usual,
        "iterations": iterations,
        "batch": batch,
        "model": classifier.card.name,
        "device": _device_name(classifier.device),
        "execution": str(classifier.execution),
    }


def floor_pieces(classifier: Classifier, pixels: Tensor, targets: Tensor) -> Callable[[], object]:
    """Bare forward and backward passes to the input, as many as the loop makes in its piece."""
    normalized = classifier.normalize(pixels)
    network = replayed(classifier.fast_logits, normalized)

    def passes() -> None:
        for _ in range(BATCH_ITERATIONS):
            images = normalized.detach().requires_grad_()
            torch.autograd.grad(network(images).gather(1, targets[:, None]).sum(), images)

    return passes


def single_loop(classifier: Classifier, pixels: Tensor, targets: Tensor, iterations: int) -> Tensor:
    """Meaningful perturbations, one image at a time: 28x28 cells, Adam at 0.1, area and total variation.

    Source: Fong and Vedaldi, Interpretable explanations of black boxes by meaningful perturbation, section 4.
    """
    cells = torch.ones(1, 1, SINGLE_LOOP_CELLS, SINGLE_LOOP_CELLS, device=pixels.device, requires_grad=True)
    blurred = gaussian_blur(pixels, 10.0)
    adam = torch.optim.Adam([cells], lr=0.1)
    for _ in range(iterations):
        keep = upsample(cells, pixels.shape[-1])
        perturbed = keep * pixels + (1 - keep) * blurred
        loss = probability(classifier.logits(perturbed), targets) + 0.01 * area(cells) + 0.2 * total_variation(cells)
        adam.zero_grad()
        loss.sum().backward()
        adam.step()
        cells.data.clamp_(0, 1)
    return cells.detach()


def extremal_perturbation(classifier: Classifier, pixels: Tensor, targets: Tensor, iterations: int) -> Tensor:
    """The mask of a fixed area that changes the score most: smooth maxima of cells, a blur pyramid, sorted area loss.

    Source: Fong, Patrick and Vedaldi, Understanding deep networks via extremal perturbations and smooth masks,
    sections 3 and 4: stochastic gradient descent with momentum 0.9, area weight rising from 300 to 300 * 1.0035^t.
    """
    side = pixels.shape[-1]
    cells = torch.full((1, 1, EXTREMAL_CELLS, EXTREMAL_CELLS), 0.5, device=pixels.device, requires_grad=True)
    levels = _blur_levels(pixels)
    smooth = _SmoothMaximum(side, pixels.device)
    wanted = (torch.arange(side * side, device=pixels.device) >= (1 - EXTREMAL_AREA) * side * side).float()
    descent = torch.optim.SGD([cells], lr=0.01, momentum=0.9)
    weight = 300.0
    for _ in range(iterations):
        mask = smooth(cells)
        score = classifier.logits(_from_levels(levels, mask)).gather(1, targets[:, None]).sum()
        loss = score + weight * (mask.flatten().sort().values - wanted).square().mean()
        descent.zero_grad()
        loss.backward()
        descent.step()
        cells.data.clamp_(0, 1)
        weight *= 1.0035
    return cells.detach()


class _SmoothMaximum:
    """Upsamples cells by a maximum over Gaussian bumps, made smooth by a softmax-weighted mean of the neighbourhood."""

    def __init__(self, side: int, device: torch.device, radius: int = 5, temperature: float = 20.0) -> None:
        self._side, self._radius, self._temperature = side, radius, temperature
        offsets = torch.arange(-radius, radius + 1, device=device).float() / radius
        bump = torch.exp(-2 * (offsets[:, None] ** 2 + offsets[None] ** 2))
        self._bump = bump.reshape(1, -1, 1)

    def __call__(self, cells: Tensor) -> Tensor:
        side = 2 * self._radius + 1
        near = nn.functional.unfold(cells, side, padding=self._radius) * self._bump
        maximum = (near * torch.softmax(self._temperature * near, dim=1)).sum(dim=1)
        return upsample(maximum.view_as(cells), self._side)


def _blur_levels(pixels: Tensor) -> Tensor:
    sigmas = [20.0 * level / EXTREMAL_LEVELS for level in range(1, EXTREMAL_LEVELS + 1)]
    return torch.stack([pixels, *(gaussian_blur(pixels, sigma) for sigma in sigmas)])


def _from_levels(levels: Tensor, mask: Tensor) -> Tensor:
    """Each pixel of the level of its mask value, linearly between neighbours; levels [L, 1, 3, S, S], mask 0..1."""
    position = mask.clamp(0, 1) * (len(levels) - 1)
    weights = [(1 - (position - level).abs()).clamp(min=0) for level in range(len(levels))]
    return torch.stack([weight * level for weight, level in zip(weights, levels, strict=True)]).sum(dim=0)


def random_classifier(architecture: str, device: torch.device, execution: Execution) -> Classifier:
    """A torchvision network with seeded random weights: its time does not depend on them."""
    torch.manual_seed(0)
    network = models.get_model(architecture, weights=None).eval().requires_grad_(False)
    network = network.to(device).to(memory_format=execution.memory_format)
    classes = tuple(f"class {index}" for index in range(1000))
    side = {"inception_v3": 299}.get(architecture, REFERENCE_SIDE)
    card = Card(architecture, "0" * 64, architecture, classes, Preprocessing(crop=side))
    return Classifier(network, card, device, execution)


def fastest(loops: list[Callable[[], object]], turns: int) -> list[float]:
    """Seconds of the fastest turn of each; the turns of all are interleaved, after one that warms up."""
    seconds = [math.inf] * len(loops)
    for turn in range(turns + 1):
        for index, loop in enumerate(loops):
            elapsed = _seconds(loop)
            seconds[index] = min(seconds[index], elapsed) if turn else math.inf
    return seconds


def _seconds(loop: Callable[[], object]) -> float:
    """Processor time of a loop on a CPU, in one thread; on a GPU the clock's, until all its work is done."""
    on_gpu = torch.cuda.is_available()
    clock = time.perf_counter if on_gpu else time.process_time
    if on_gpu:
        torch.cuda.synchronize()
    started = clock()
    loop()
    if on_gpu:
        torch.cuda.synchronize()
    return clock() - started


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu, one thread"


if __name__ == "__main__":
    main()
