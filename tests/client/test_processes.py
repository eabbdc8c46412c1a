"""The command line as real processes: killed, interrupted, started again."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.client.conftest import IMAGES, OPTIONS
from tests.client.test_local import is_alive, until
from visum_client import Client, Run
from visum_client.commands.run import parse_options


@pytest.fixture
def command(network, pictures, tmp_path) -> list[str]:
    """A run on services of its own."""
    return command_to(network, pictures, tmp_path / "run")


def command_to(network: Path, pictures: Path, out: Path) -> list[str]:
    """The run, to a folder."""
    flags = ["--model", network, "--target", "striped", "--images", pictures, "--out", out, "--json"]
    options = [word for option in OPTIONS for word in ("--option", option)]
    return [sys.executable, "-m", "visum_client", "run", *map(str, flags), *options]


@pytest.fixture(scope="module")
def undisturbed(services, network, pictures, tmp_path_factory) -> Run:
    """The same run on other services, without trouble."""
    out = tmp_path_factory.mktemp("undisturbed") / "run"
    common = {"model": network, "target": "striped", "images": pictures, "out": out, "progress": False}
    with Client.connect(services.addresses) as client:
        return client.summarize(**common, **parse_options(list(OPTIONS)))


def start(command: list[str]) -> subprocess.Popen:
    environment = {key: value for key, value in os.environ.items() if key != "VISUM_SERVICES"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def children(process: int) -> list[int]:
    """The processes that a process started."""
    tasks = Path(f"/proc/{process}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


def results(out: Path, method: str) -> int:
    return len(list((out / "work" / method).rglob("*.pb")))


def wait_for(client: subprocess.Popen, out: Path, method: str, count: int) -> dict[str, int]:
    """Waits until a call has so many results; the processes of the run's services by name."""

    def has_come_so_far() -> bool:
        assert client.poll() is None, client.communicate()
        return results(out, method) >= count

    asyncio.run(until(has_come_so_far))
    services = {module_of(child): child for child in children(client.pid)}
    assert sorted(services) == ["visum_clustering", "visum_mask", "visum_proposals"]
    return services


def module_of(process: int) -> str:
    """The module that a Python process runs."""
    return Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")[2].decode()


def stop_when(command: list[str], out: Path, method: str, count: int, number: int) -> subprocess.Popen:
    """Starts a run, sends it a signal once a call has so many results, and sees that none of its services is left."""
    client = start(command)
    try:
        services = wait_for(client, out, method, count)
        client.send_signal(number)
        client.wait()
        asyncio.run(until(lambda: not any(map(is_alive, services.values()))))
    finally:
        client.kill()
    return client


def check_same(out: Path, undisturbed: Run) -> None:
    for name in ("summaries.json", "images.json"):
        assert (out / name).read_bytes() == (undisturbed.path / name).read_bytes()


def test_an_interrupted_run_says_so_and_can_be_resumed(command, tmp_path):
    out = tmp_path / "run"
    client = stop_when(command, out, "ExtractMask", 1, signal.SIGINT)
    output, messages = client.communicate()
    assert client.returncode == 130
    assert output == ""
    assert "the same command goes on where it was" in messages
    assert "Traceback" not in messages
    content = json.loads((out / "run.json").read_text())
    assert content["status"] == "failed"
    assert content["error"]["message"].startswith("interrupted")
    assert 1 <= results(out, "ExtractMask") <= IMAGES
