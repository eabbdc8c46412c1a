"""The network of a run, found again."""

import os

from visum.v1 import common_pb2

from visum_client.errors import InvalidInputError
from visum_client.model_cards import find_card
from visum_client.models import GivenModel, find_model
from visum_client.report.contents import Contents
from visum_client.scheduler import Services

FileName = str | os.PathLike[str]


async def find_network(
    services: Services, contents: Contents, model: FileName | None, weights: FileName | None
) -> common_pb2.ModelCard:
    """The card of the network that a run was made with.

    Args:
        services: Who is asked.
        contents: The run.
        model: Its name or file; None: the name that the run tells.
        weights: Its weights file, where `model` is a name.

    Raises:
        InvalidInputError: It is another network.
        NotFoundError: The mask service does not have it.
    """
    known = contents.run["configuration"]["model"]
    given = find_model(contents.model if model is None else model, weights)
    if given.sha256 and given.sha256 != known["sha256"]:
        raise _other(given, known["sha256"], given.sha256)
    card = await find_card(services, given)
    if card.ref.sha256 != known["sha256"]:
        raise _other(given, known["sha256"], card.ref.sha256)
    return card


def _other(given: GivenModel, wanted: str, found: str) -> InvalidInputError:
    text = (
        f"{given.name} has the digest {found[:12]}, the run was made with {wanted[:12]}; give the file of that network"
    )
    return InvalidInputError(text, "model")
