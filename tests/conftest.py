import os
import signal
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).resolve().parent.parent


def required(tool: str) -> bool:
    """True where the environment demands that tests which need this tool run: VISUM_REQUIRE=browser,kubectl,buf."""
    return tool in os.environ.get("VISUM_REQUIRE", "").split(",")


@pytest.fixture(scope="session")
def visum_data() -> Path:
    """The folder of real networks and photographs: VISUM_DATA, or ../shared/data beside the project."""
    folder = Path(os.environ.get("VISUM_DATA", ROOT.parent / "shared" / "data"))
    if not (folder / "weights").is_dir():
        pytest.skip(f"no real networks and photographs in {folder} (VISUM_DATA)")
    return folder


def pytest_configure() -> None:
    """Processes that tests start heed Ctrl-C, also where these tests run in the background of a script."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True, scope="session")
def _one_torch_thread() -> None:
    """Tests share the cores with the servers that they start."""
    torch.set_num_threads(1)
