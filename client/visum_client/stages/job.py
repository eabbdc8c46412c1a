"""What every stage of a run needs."""

import dataclasses
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

from visum.v1 import common_pb2

from visum_client.calls import PureCalls
from visum_client.configuration import StepOptions
from visum_client.folder import RunFolder
from visum_client.images import ImageFile
from visum_client.progress import Progress
from visum_wire import InvalidInput


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What is looked at: a network, a class of it, images, and with which options."""

    card: common_pb2.ModelCard
    """The network."""
    target: int
    """Index of the class."""
    images: tuple[ImageFile, ...]
    """All images, also those that take no part."""
    options: StepOptions
    """The options of all steps."""
    admit_unrecognized: bool
    """Whether images of another best class take part."""

    @property
    def framing(self) -> common_pb2.Preprocessing:
        """How images become views; without what only the network's input needs, so that networks share results."""
        preprocessing = self.card.preprocessing
        return common_pb2.Preprocessing(
            resize=preprocessing.resize, crop=preprocessing.crop, interpolation=preprocessing.interpolation
        )

    @property
    def view_side(self) -> int:
        """Side of the views, pixels."""
        return self.card.preprocessing.crop


@dataclass(frozen=True, kw_only=True)
class Job(Subject):
    """What every stage needs: a subject, and a way to ask the services about it."""

    calls: PureCalls
    progress: Progress

    @classmethod
    def on(cls, subject: Subject, **others: Any) -> Self:
        """A job on a subject, with what a job has besides."""
        return cls(**{field.name: getattr(subject, field.name) for field in dataclasses.fields(Subject)}, **others)

    async def in_flight(self, *services: str) -> Callable[[], int]:
        """Tells how many calls of these services together may be in flight; more as replicas are found."""
        connections = [await self.calls.services.connection(service) for service in services]
        return lambda: sum(connection.in_flight for connection in connections)


@dataclass(frozen=True, kw_only=True)
class RunJob(Job):
    """A job whose results go into a run folder."""

    folder: RunFolder


def finite(value: float, field: str) -> float:
    """A number of an answer. Raises InvalidInput where it is not finite."""
    if not math.isfinite(value):
        raise InvalidInput("is not finite", field=field)
    return value
