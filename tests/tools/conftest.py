"""Tests with tools that need an environment of their own: `make test-long` makes .venv-tools and runs them there."""

from importlib.util import find_spec

import pytest

from tests.client.conftest import network, pictures, services  # noqa: F401
from tests.conftest import required


@pytest.fixture(scope="session")
def mlflow():
    return _tool("mlflow")


@pytest.fixture(scope="session")
def quantus():
    return _tool("quantus")


@pytest.fixture(scope="session")
def open_clip():
    return _tool("open_clip")


def _tool(name: str):
    if find_spec(name) is None:
        assert not required("tools"), "make test-long runs these tests in .venv-tools"
        pytest.skip(f"{name} is not installed here; make test-long runs this in .venv-tools")
    return __import__(name)
