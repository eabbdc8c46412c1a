"""How class runs queue at the services: a simulation of events, with work taken in lots so that 10^7 images are quick.

A class run sends its images to the mask service and each masked image on to the proposal service; when all are there,
its pairs go to the proposal service in tiles, and at the end its parts to the clustering service. Its client handles
one answer after another. Stations serve first come, first served; each server works on one lot at a time.
"""

import heapq
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

STAGES = ("mask", "proposals", "clustering", "client")


@dataclass(frozen=True)
class Rates:
    """Seconds of one worker for one piece of work. docs/scaling.md says where the defaults are from."""

    mask: float = 4.9
    """For one image."""
    describe: float = 0.54
    """For one image: proposals, descriptors, survivors."""
    match: float = 0.0065
    """For one pair of images."""
    cluster: float = 0.03
    """For one image's parts."""
    client: float = 0.02
    """For one image, in the client."""


@dataclass(frozen=True)
class Plan:
    """What is to be run, and on how many workers.

    Raises:
        ValueError: A number is not positive.
    """

    images: int
    """Images of all classes."""
    mask_workers: int
    proposal_workers: int = 8
    clustering_workers: int = 2
    images_per_class: int = 1000
    classes_at_once: int = 8
    """Class runs at once: the parallelism of the Job."""
    rates: Rates = field(default_factory=Rates)

    def __post_init__(self) -> None:
        if min(value for value in vars(self).values() if isinstance(value, int)) < 1:
            raise ValueError("all numbers of a plan must be at least 1")

    @property
    def classes(self) -> int:
        """Class runs; the last may have fewer images than fit, which is neglected."""
        return max(1, round(self.images / self.images_per_class))

    @property
    def class_size(self) -> int:
        """Images of one class."""
        return min(self.images, self.images_per_class)


@dataclass(frozen=True)
class Outcome:
    """How a plan went."""

    seconds: float
    """From the first image to the last summary."""
    busy: dict[str, float]
    """Share of the time that the workers of each stage were at work."""

    @property
    def bottleneck(self) -> str:
        """The busiest stage; "class runs" where none is busy: more of them at once would be faster."""
        stage = max(self.busy, key=lambda name: self.busy[name])
        return stage if self.busy[stage] >= BUSY else "class runs"


BUSY = 0.7
"""A stage whose workers are at work for this share of the time holds the others up."""


class _Clock:
    """Events in the order of their times."""

    def __init__(self) -> None:
        self.now = 0.0
        self._events: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0

    def after(self, seconds: float, event: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._events, (self.now + seconds, self._count, event))

    def run(self) -> None:
        while self._events:
            self.now, _, event = heapq.heappop(self._events)
            event()


class _Station:
    """Servers behind one queue."""

    def __init__(self, clock: _Clock, servers: int) -> None:
        self.busy_seconds = 0.0
        self.servers = servers
        self._clock = clock
        self._free = servers
        self._waiting: deque[tuple[float, Callable[[], None]]] = deque()

    def serve(self, seconds: float, done: Callable[[], None]) -> None:
        self._waiting.append((seconds, done))
        self._start()

    def _start(self) -> None:
        while self._free and self._waiting:
            seconds, done = self._waiting.popleft()
            self._free -= 1
            self.busy_seconds += seconds
            self._clock.after(seconds, partial(self._end, done))

    def _end(self, done: Callable[[], None]) -> None:
        self._free += 1
        done()
        self._start()


class _ClassRun:
    """One class on its way through the stations."""

    def __init__(self, plan: Plan, stations: dict[str, _Station], client: _Station, done: Callable[[], None]) -> None:
        self._plan, self._stations, self._client, self._done = plan, stations, client, done
        self._lots = lots(plan)
        self._left = self._lots

    def start(self) -> None:
        size = self._plan.class_size / self._lots
        rates = self._plan.rates
        for _ in range(self._lots):
            describe = partial(self._stations["proposals"].serve, size * rates.describe, self._answered)
            self._stations["mask"].serve(size * rates.mask, describe)

    def _answered(self) -> None:
        size = self._plan.class_size / self._lots
        self._client.serve(size * self._plan.rates.client, self._counted)

    def _counted(self) -> None:
        self._left -= 1
        if not self._left:
            self._left = self._lots
            pairs = self._plan.class_size * (self._plan.class_size - 1) / 2
            for _ in range(self._lots):
                self._stations["proposals"].serve(pairs / self._lots * self._plan.rates.match, self._matched)

    def _matched(self) -> None:
        self._left -= 1
        if not self._left:
            self._stations["clustering"].serve(self._plan.class_size * self._plan.rates.cluster, self._done)


MOST_LOTS = 100_000
"""Lots of all classes together, about, which bounds the time of a simulation."""
ROUNDS = 20
"""Classes that are simulated for each that runs at once; more go on in the same way."""
LOTS_A_WORKER = 8
"""Lots for each worker at least, so that their size does not show."""


def simulated_classes(plan: Plan) -> int:
    """How many class runs are simulated."""
    return min(plan.classes, ROUNDS * plan.classes_at_once)


def lots(plan: Plan) -> int:
    """Into how many lots a class is cut: single images where that is quick."""
    workers = max(plan.mask_workers, plan.proposal_workers)
    needed = -(-LOTS_A_WORKER * workers // plan.classes_at_once)
    return min(plan.class_size, max(needed, MOST_LOTS // simulated_classes(plan)))


def simulate(plan: Plan) -> Outcome:
    """Runs the classes of a plan, so many at once as it says."""
    clock = _Clock()
    numbers = {
        "mask": plan.mask_workers,
        "proposals": plan.proposal_workers,
        "clustering": plan.clustering_workers,
    }
    stations = {name: _Station(clock, number) for name, number in numbers.items()}
    clients = [_Station(clock, 1) for _ in range(min(plan.classes_at_once, plan.classes))]
    left = simulated_classes(plan)

    def next_class(client: _Station) -> None:
        nonlocal left
        if left:
            left -= 1
            _ClassRun(plan, stations, client, partial(next_class, client)).start()

    for client in clients:
        next_class(client)
    clock.run()
    busy = {name: station.busy_seconds / (station.servers * clock.now) for name, station in stations.items()}
    busy["client"] = sum(client.busy_seconds for client in clients) / (len(clients) * clock.now)
    return Outcome(clock.now * plan.classes / simulated_classes(plan), busy)
