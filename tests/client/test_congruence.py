"""Local services and those of another process give the same answers, call by call.

That whole runs are the same to the byte is held by test_processes.py, which compares local runs with a remote one.
"""

import numpy as np
import pytest

from tests.client.conftest import OPTIONS
from visum_client import Client
from visum_client.commands.run import parse_options

STEPS = parse_options(list(OPTIONS))


def answers(client: Client, network, pictures) -> dict[str, object]:
    """What a client answers to every call, as plain values."""
    masks = client.masks(model=network, target="striped", images=pictures, mask=STEPS["mask"])
    parts = client.describe(masks, describe=STEPS["describe"])
    matches = client.match(parts)
    clusters = client.cluster(matches, clustering=STEPS["clustering"])
    card = client.model(network)
    return {
        "card": (list(card.classes), card.ref.sha256, card.feature_layer, card.preprocessing.crop),
        "models": [model.ref.sha256 for model in client.models()],
        "records": [image.record for image in masks.images],
        "saliency": [image.saliency.tolist() for image in masks.images],
        "boxes": parts.table.boxes.tolist(),
        "descriptors": parts.descriptors().tolist(),
        "edges": [array.tolist() for array in matches.edges()],
        "clusters": clusters,
        "algorithms": client.server_info("mask").algorithm_version,
    }


@pytest.mark.long
def test_local_and_remote_services_give_the_same_answers(services, network, pictures):
    with Client.connect(services.addresses) as remote, Client.local() as local:
        expected, found = (answers(client, network, pictures) for client in (remote, local))
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name] == value, name
    assert np.asarray(found["saliency"]).max() > 0
