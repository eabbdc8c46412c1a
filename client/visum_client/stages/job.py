"""What every stage of a run needs."""

import math
from dataclasses import dataclass

from visum.v1 import common_pb2

from visum_client.calls import PureCalls
from visum_client.configuration import StepOptions
from visum_client.folder import RunFolder
from visum_client.images import ImageFile
from visum_client.progress import Progress
from visum_wire import InvalidInput


@dataclass(frozen=True)
class Job:
    """A run: a network, a class, images, options, and where the results go."""

    folder: RunFolder
    calls: PureCalls
    progress: Progress
    card: common_pb2.ModelCard
    target: int
    images: tuple[ImageFile, ...]
    options: StepOptions
    admit_unrecognized: bool

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

    async def in_flight(self, service: str) -> int:
        """Calls of a service that may be in flight at once."""
        connection = await self.calls.services.connection(service)
        return connection.in_flight


def finite(value: float, field: str) -> float:
    """A number of an answer. Raises InvalidInput where it is not finite."""
    if not math.isfinite(value):
        raise InvalidInput("is not finite", field=field)
    return value
