"""Worlds for the tests of the planted-parts world."""

import cv2
import pytest
import torch

from visum_demo import World, load_world
from visum_demo.shipped import MODELS


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """Leave the other cores to other tests."""
    cv2.setNumThreads(1)
    torch.set_num_threads(1)


@pytest.fixture(scope="session", params=("dev", "test"))
def world(request: pytest.FixtureRequest) -> World:
    """Each of the two worlds in turn."""
    return load_world(request.param)


_ABOUT_SHIPPED_NETWORKS = {"test_demo_docs.py", "test_demo_shipped.py"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests about the shipped networks wait until `python -m visum_demo.train` and `shapley` have made them."""
    if MODELS.is_dir():
        return
    for item in items:
        if item.path.name in _ABOUT_SHIPPED_NETWORKS:
            item.add_marker(pytest.mark.skip(reason="the networks of the planted-parts worlds are not shipped yet"))
