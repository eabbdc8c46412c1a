"""Worlds for the tests of the planted-parts world."""

import cv2
import pytest
import torch

from visum_demo import World, load_world


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> None:
    """Leave the other cores to other tests."""
    cv2.setNumThreads(1)
    torch.set_num_threads(1)


@pytest.fixture(scope="session", params=("dev", "test"))
def world(request: pytest.FixtureRequest) -> World:
    """Each of the two worlds in turn."""
    return load_world(request.param)
