"""Services as child processes: how they start, how they come back, how they end."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable

import pytest

from visum_client import LocalSettings
from visum_client.child import ChildLimits
from visum_client.errors import ServiceUnavailableError
from visum_client.local import LocalServices
from visum_client.private_folder import PrivateFolder
from visum_client.remote import RemoteServices
from visum_client.scheduler import Services

SERVICE = "clustering"


def is_alive(process: int) -> bool:
    """False for a process that is gone, or that is only a zombie which nobody has waited for."""
    try:
        with open(f"/proc/{process}/stat", encoding="utf-8") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


async def until(condition: Callable[[], object]) -> None:
    while not condition():
        await asyncio.sleep(0.02)


async def test_a_service_starts_when_needed_and_ends_with_its_client(monkeypatch):
    monkeypatch.setenv("VISUM_SERVER_PORT", "1")  # settings of servers that somebody else runs
    local = LocalServices()
    services = Services(local)
    assert local.process_ids() == {}
    connection = await services.connection(SERVICE)
    assert connection.info.service == "visum.v1.ClusteringService"
    (process,) = local.process_ids().values()
    assert is_alive(process)
    await services.close()
    assert not is_alive(process)


async def test_a_service_that_died_comes_back_at_its_address_a_bounded_number_of_times_without_an_answer():
    local = LocalServices(LocalSettings(limits=ChildLimits(restarts=1)))
    address = await local.address(SERVICE)
    await kill_and_wait(local)
    services = Services(local)
    assert (await services.connection(SERVICE)).address == address
    await kill_and_wait(local)
    os.kill(local.process_ids()[SERVICE], signal.SIGKILL)
    await local.gave_up.wait()
    message = r"clustering service ended 2 times in a row, at last with code -9; its log"
    with pytest.raises(ServiceUnavailableError, match=message):
        await local.address(SERVICE)
    await services.close()


async def kill_and_wait(local: LocalServices) -> None:
    """Kills the service and waits until another process serves in its place."""
    first = local.process_ids()[SERVICE]
    os.kill(first, signal.SIGKILL)
    await until(lambda: local.process_ids()[SERVICE] != first)
    others = Services(RemoteServices({SERVICE: await local.address(SERVICE)}))
    await others.connection(SERVICE)
    await others.close()


async def test_a_service_that_is_killed_before_it_is_ready_is_started_again_a_bounded_number_of_times():
    local = LocalServices(LocalSettings(limits=ChildLimits(starts=2)))
    starting = asyncio.create_task(local.address(SERVICE))
    await until(local.process_ids)
    first = local.process_ids()[SERVICE]
    os.kill(first, signal.SIGKILL)
    await starting
    assert local.process_ids()[SERVICE] != first
    await local.close()

    again = LocalServices(LocalSettings(limits=ChildLimits(starts=1)))
    starting = asyncio.create_task(again.address(SERVICE))
    await until(again.process_ids)
    os.kill(again.process_ids()[SERVICE], signal.SIGKILL)
    with pytest.raises(ServiceUnavailableError, match="ended with code -9 before it was ready"):
        await starting
    await again.close()


async def test_a_service_that_cannot_start_is_an_error_with_the_end_of_its_log():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        local = LocalServices(LocalSettings(ports={SERVICE: taken.getsockname()[1]}))
        with pytest.raises(
            ServiceUnavailableError, match=r"ended with code -?\d+ before it was ready; its log ends with:"
        ) as caught:
            await local.address(SERVICE)
        assert f"127.0.0.1:{taken.getsockname()[1]}" in str(caught.value)
        await local.close()


async def test_a_service_that_starts_too_slowly_is_an_error():
    local = LocalServices(LocalSettings(limits=ChildLimits(start_seconds=0.01)))
    with pytest.raises(ServiceUnavailableError, match="did not start in time"):
        await local.address(SERVICE)
    assert not any(map(is_alive, local.process_ids().values()))
    await local.close()


def test_services_end_with_a_killed_client_and_the_next_one_clears_up(monkeypatch, tmp_path):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    script = (
        "import asyncio; from visum_client.local import LocalServices\n"
        "async def main():\n"
        f"    local = LocalServices(); await local.address({SERVICE!r})\n"
        "    print(*local.process_ids().values(), flush=True); await asyncio.Event().wait()\n"
        "asyncio.run(main())"
    )
    client = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    try:
        process = int(client.stdout.readline())
        assert is_alive(process)
        client.kill()
        client.wait()
        asyncio.run(until(lambda: not is_alive(process)))
        (left,) = tmp_path.iterdir()
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        next_one = PrivateFolder()
        assert list(tmp_path.iterdir()) == [next_one.path] != [left]
        PrivateFolder().close()
        assert list(tmp_path.iterdir()) == [next_one.path]
        next_one.close()
        assert list(tmp_path.iterdir()) == []
    finally:
        client.kill()
        client.communicate()
