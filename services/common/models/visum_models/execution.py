"""How a network is run: number format and memory layout, chosen by a short measurement."""

import functools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

import torch
from torch import Tensor, nn

_WORTH_IT = 1.5
"""A choice other than plain fp32 in channels-last layout must be this many times faster: servers of one kind must
choose alike on a busy machine too, and what is worth choosing gains more (bf16 units: twice and more)."""
_HOPELESS = 3.0
"""A choice this many times slower than the best is measured once; bf16 is emulated on processors without it."""
_PROBE_SHAPE = (2, 3, 64, 64)
_PROBE_TURNS = 5


class Precision(StrEnum):
    """What a user may ask for."""

    AUTO = "auto"
    FP32 = "fp32"
    BF16 = "bf16"


@dataclass(frozen=True)
class Execution:
    """How a network is run where speed matters; scores that are reported are always computed in fp32."""

    bf16: bool = False
    """Matrix products and convolutions in bfloat16 (autocast)."""
    channels_last: bool = True
    """Inputs in channels-last layout."""

    @property
    def memory_format(self) -> torch.memory_format:
        """Layout of the inputs."""
        return torch.channels_last if self.channels_last else torch.contiguous_format

    def __str__(self) -> str:
        return f"{'bf16' if self.bf16 else 'fp32'} {'channels_last' if self.channels_last else 'contiguous'}"


CANDIDATES = (Execution(), Execution(channels_last=False), Execution(bf16=True))


def choose_execution(precision: Precision, device: torch.device) -> Execution:
    """The execution that a user asked for; where the choice is ours, the fastest on this device."""
    if precision is Precision.AUTO:
        return fastest_execution(device)
    return Execution(bf16=precision is Precision.BF16)


@functools.cache
def fastest_execution(device: torch.device) -> Execution:
    """The fastest way to run a small network of usual layers forward and backward on a device, measured once."""
    with _one_thread():
        return fastest(probe_seconds(device))


def fastest(seconds: dict[Execution, float]) -> Execution:
    """The fastest of some measured executions; the default one unless another is clearly faster."""
    best = min(seconds, key=lambda execution: seconds[execution])
    return best if seconds[Execution()] > _WORTH_IT * seconds[best] else Execution()


def run_network(network: Callable[[Tensor], Tensor], images: Tensor, execution: Execution) -> Tensor:
    """What a network answers to images [N, 3, S, S], as float32; differentiable."""
    with torch.autocast(images.device.type, torch.bfloat16, enabled=execution.bf16, cache_enabled=False):
        answer = network(images.contiguous(memory_format=execution.memory_format))
    return answer.float()


def probe_seconds(device: torch.device) -> dict[Execution, float]:
    """Seconds of one pass forward and back through a small network for each candidate, the fastest of some turns."""
    passes = {execution: _passes(execution, device) for execution in CANDIDATES}
    seconds = {execution: min(once(), once()) for execution, once in passes.items()}  # the first one warms up
    for _ in range(_PROBE_TURNS):
        hopeless = _HOPELESS * min(seconds.values())
        for execution in [e for e in CANDIDATES if seconds[e] < hopeless]:
            seconds[execution] = min(seconds[execution], passes[execution]())
    return seconds


def _passes(execution: Execution, device: torch.device) -> Callable[[], float]:
    """A pass through the probe, run and timed at each call."""
    with torch.random.fork_rng(devices=[]):  # random weights must not move the process's random numbers
        network = _probe()
    network = network.to(device).to(memory_format=execution.memory_format).requires_grad_(False)
    images = torch.zeros(_PROBE_SHAPE, device=device).requires_grad_()
    return lambda: _seconds(network, images, execution)


def _probe() -> nn.Module:
    """Dense, grouped and pointwise convolutions, as classifiers have them."""
    return nn.Sequential(
        nn.Conv2d(3, 32, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(32, 64, 1),
        nn.ReLU(),
        nn.Conv2d(64, 64, 3, padding=1, groups=64),
        nn.ReLU(),
        nn.Conv2d(64, 64, 3, padding=1),
        nn.AdaptiveAvgPool2d(1),
    )


def _seconds(network: nn.Module, images: Tensor, execution: Execution) -> float:
    """Seconds of a pass; on a CPU the process's own, because a busy machine takes it off its core meanwhile."""
    clock = time.process_time if images.device.type == "cpu" else time.perf_counter
    _finish(images.device)
    started = clock()
    torch.autograd.grad(run_network(network, images, execution).sum(), images)
    _finish(images.device)
    return clock() - started


@contextmanager
def _one_thread() -> Iterator[None]:
    """Threads that wait for each other on a busy machine would be measured instead of the network."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _finish(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
