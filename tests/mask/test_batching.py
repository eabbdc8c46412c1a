import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode

from tests.support.networks import DetailInWindow, classifier_of
from tests.support.pictures import noise
from visum_mask import modes
from visum_mask.batching import batch_of, images_that_fit, in_batches, try_pass
from visum_mask.graphs import by_shape, replayed
from visum_mask.options import MaskOptions, Perturbation
from visum_mask.perturbation import PYRAMID_LEVELS
from visum_runtime.errors import OutOfRange


class Memory:
    """Work that runs out of memory for more than so many items, and notes how many it was asked for."""

    def __init__(self, holds: int) -> None:
        self.holds = holds
        self.asked: list[int] = []

    def __call__(self, batch: slice) -> list[int]:
        items = list(range(batch.start, batch.stop))
        self.asked.append(len(items))
        if len(items) > self.holds:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return items


@pytest.mark.parametrize("count", [0, 1, 7, 8, 9])
@pytest.mark.parametrize("size", [1, 3, 100])
def test_every_item_is_worked_on_once_and_in_order(count, size):
    assert in_batches(Memory(100), count, size) == list(range(count))


def test_out_of_memory_halves_the_batch_and_goes_on_from_there():
    memory = Memory(holds=3)
    assert in_batches(memory, 10, 8) == list(range(10))
    assert memory.asked == [8, 4, 2, 2, 2, 2, 2]


def test_memory_that_does_not_hold_one_item_is_an_error_in_the_users_language():
    with pytest.raises(OutOfRange, match="does not hold one view"):
        in_batches(Memory(0), 4, 4)


def test_masks_after_running_out_of_memory_are_those_of_smaller_batches(monkeypatch):
    classifier = classifier_of(DetailInWindow((8, 8, 16, 16)), 2)
    pixels = torch.stack([classifier.to_pixels(noise(32, 32, seed)) for seed in range(4)])
    targets = torch.ones(4, dtype=torch.int64)
    options = MaskOptions(iterations=20, grid=16)
    optimize = modes.optimize_masks

    def with_little_memory(network, views, *rest):
        if len(views) > 2:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return optimize(network, views, *rest)

    halves = [optimize(classifier, pixels[part], targets[part], options) for part in (slice(0, 2), slice(2, 4))]
    monkeypatch.setattr(modes, "optimize_masks", with_little_memory)
    masks = modes.extract_masks(classifier, pixels, targets, options)
    for mask, expected in zip(masks, halves[0] + halves[1], strict=True):
        assert torch.equal(mask.raw, expected.raw)


def test_a_batch_is_the_largest_power_of_two_in_four_fifths_of_the_free_memory():
    assert batch_of(1000, 100) == 8
    assert batch_of(1000, 101) == 4
    assert batch_of(10, 100) == 1


def test_a_cpu_batch_is_as_large_as_asked_for():
    classifier = classifier_of(DetailInWindow((8, 8, 16, 16)), 2)
    assert images_that_fit(classifier, torch.zeros(1, 3, 32, 32), MaskOptions()) >= 1 << 20


class Allocated(TorchDispatchMode):
    """Counts the elements of all tensors that are made."""

    def __init__(self) -> None:
        super().__init__()
        self.elements = 0

    def __torch_dispatch__(self, function, types, arguments=(), keywords=None):
        made = function(*arguments, **keywords or {})
        self.elements += made.numel() if isinstance(made, torch.Tensor) else 0
        return made


def test_the_pass_that_a_batch_is_planned_by_holds_the_levels_of_a_pyramid():
    classifier = classifier_of(DetailInWindow((8, 8, 16, 16)), 2)
    pixels = torch.rand(1, 3, 32, 32)
    made = {}
    for kind in Perturbation:
        with Allocated() as allocated:
            try_pass(classifier, pixels, MaskOptions(perturbation=kind))
        made[kind] = allocated.elements
    assert made[Perturbation.PYRAMID] - made[Perturbation.BLEND] > PYRAMID_LEVELS * pixels.numel()


def test_a_recorded_pass_is_replayed_only_for_its_shape_and_with_gradients():
    used = []
    choose = by_shape(
        lambda images: used.append("recorded") or images,
        lambda images: used.append("plain") or images,
        torch.Size([2, 3]),
    )
    choose(torch.zeros(2, 3, requires_grad=True))
    choose(torch.zeros(2, 3))
    choose(torch.zeros(1, 3, requires_grad=True))
    assert used == ["recorded", "plain", "plain"]


def test_on_a_cpu_nothing_is_recorded():
    assert replayed(torch.sin, torch.zeros(1)) is torch.sin
