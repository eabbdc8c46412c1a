"""Processes that are killed or cannot write: runs complete, or go on where they were, with the same result."""

import asyncio
import contextlib
import json
import os
import random
import resource
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.client.conftest import IMAGES
from tests.client.test_local import is_alive, until
from tests.client.test_processes import check_same, children, command_to, module_of, results, start, undisturbed
from visum_client import Run
from visum_client.files import TEMPORARY_SUFFIX

__all__ = ["undisturbed"]

METHODS = ("ExtractMask", "Describe", "SelectSurvivors")
SERVERS = ("visum_mask", "visum_proposals", "visum_clustering")
ENOUGH = "64m"
SIZES_KIB = (60, 16, 32, 48, 72, 84, 96, 108, 120, 132)
"""Sizes of disks that are full at different moments of a run."""


def moment(number: int, first: tuple[str, int]) -> tuple[str, int]:
    """A call, and the number of its results at which something happens: a random one, but for the first repetition."""
    chance = random.Random(number)
    return (chance.choice(METHODS), chance.randint(0, IMAGES)) if number else first


def until_results(client: subprocess.Popen, out: Path, method: str, count: int) -> dict[str, int]:
    """Waits until a call has so many results, or the run is over; the processes of its services by module."""

    def has_come_so_far() -> bool:
        return client.poll() is not None or (results(out, method) >= count and len(children(client.pid)) == 3)

    asyncio.run(until(has_come_so_far))
    found = {}
    for child in children(client.pid) if client.poll() is None else ():
        with contextlib.suppress(OSError, IndexError):
            found[module_of(child)] = child
    return found


def check_whole(out: Path) -> None:
    """Every file of a run folder is whole."""
    for path in out.rglob("*"):
        if path.name.startswith(".") or not path.is_file():
            continue
        if path.suffix == ".json":
            json.loads(path.read_text(encoding="utf-8"))
        elif path.suffix in (".png", ".jpg"):
            with Image.open(path) as image:
                image.load()
        elif path.suffix == ".npz":
            with np.load(path) as arrays:
                assert all(arrays[name] is not None for name in arrays.files)


@pytest.mark.parametrize("times", [pytest.param(1, id="once"), pytest.param(50, id="full", marks=pytest.mark.long)])
def test_a_run_completes_when_a_service_is_killed(times, repetitions, network, pictures, undisturbed: Run, tmp_path):
    for number in repetitions("SIGKILL of a service at a random moment of a run", times):
        out = tmp_path / str(number)
        client = start(command_to(network, pictures, out))
        try:
            services = until_results(client, out, *moment(number, ("ExtractMask", 1)))
            killed = random.Random(number).choice(SERVERS) if number else "visum_mask"
            with contextlib.suppress(ProcessLookupError, KeyError):
                os.kill(services[killed], signal.SIGKILL)
            _, messages = client.communicate(timeout=250)
        finally:
            client.kill()
            client.communicate()
        assert client.returncode == 0, messages
        if not number:
            assert "the local mask service ended with code -9; starting it again" in messages
        check_same(out, undisturbed)


@pytest.mark.parametrize("times", [pytest.param(1, id="once"), pytest.param(20, id="full", marks=pytest.mark.long)])
def test_a_run_whose_client_was_killed_goes_on_where_it_was(
    times, repetitions, network, pictures, undisturbed: Run, tmp_path
):
    for number in repetitions("SIGKILL of the client at a random moment of a run, which is resumed", times):
        out = tmp_path / str(number)
        command = command_to(network, pictures, out)
        client = start(command)
        try:
            services = until_results(client, out, *moment(number, ("SelectSurvivors", 2)))
        finally:
            client.kill()
            client.communicate()
        asyncio.run(until(lambda services=services: not any(map(is_alive, services.values()))))
        check_whole(out)
        masks, survivors = results(out, "ExtractMask"), results(out, "SelectSurvivors")
        output, messages = (last := start(command)).communicate(timeout=250)
        assert last.returncode == 0, messages
        stages = json.loads(output)["stages"]
        if client.returncode != 0:
            assert (stages["masks"]["reused"], stages["proposals"]["reused"]) == (masks, survivors)
        check_whole(out)
        check_same(out, undisturbed)


@pytest.mark.long
def test_a_run_whose_only_mask_worker_hangs_ends_clearly_and_goes_on(
    repetitions, network, pictures, undisturbed: Run, tmp_path
):
    """The worker is stopped, not ended: its connections stay open, and nothing answers. No process is left."""
    for _ in repetitions("SIGSTOP of the only mask service, which is not woken; the run is resumed", 1):
        command = command_to(network, pictures, tmp_path / "run")
        client = start(command)
        try:
            services = until_results(client, tmp_path / "run", "ExtractMask", 2)
            os.kill(services["visum_mask"], signal.SIGSTOP)
            _, messages = client.communicate(timeout=400)
        finally:
            client.kill()
            client.communicate()
        assert client.returncode == 1
        assert "mask service" in messages
        assert "Traceback" not in messages
        assert not any(map(is_alive, services.values()))
        kept = results(tmp_path / "run", "ExtractMask")
        output, messages = (last := start(command)).communicate(timeout=250)
        assert last.returncode == 0, messages
        assert json.loads(output)["stages"]["masks"]["reused"] == kept
        check_same(tmp_path / "run", undisturbed)


@pytest.fixture
def disk(tmp_path) -> Iterator[Callable[[str], Path]]:
    """Makes a disk of a size, or gives the one that is there another size."""
    place = tmp_path / "disk"
    place.mkdir()

    def resize(size: str) -> Path:
        change = "remount," if place.is_mount() else ""
        command = ["mount", "-t", "tmpfs", "-o", f"{change}size={size}", "tmpfs", str(place)]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            pytest.skip("this user may not mount a file system")
        return place

    yield resize
    if place.is_mount():
        subprocess.run(["umount", str(place)], check=True)


@pytest.mark.parametrize("times", [pytest.param(1, id="once"), pytest.param(10, id="full", marks=pytest.mark.long)])
def test_a_run_on_a_full_disk_ends_clearly_and_goes_on_when_there_is_room(
    times, repetitions, disk, services, network, pictures, undisturbed: Run
):
    for number in repetitions("a disk that is full in the middle of a run, which is resumed", times):
        out = disk(f"{SIZES_KIB[number]}k") / str(number)
        command = [*command_to(network, pictures, out), "--services", services.addresses]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 1, done.stderr
        assert "No space left on device" in done.stderr
        assert "Traceback" not in done.stderr
        check_whole(out)
        assert not list(out.rglob(f"*{TEMPORARY_SUFFIX}"))
        kept, before = results(out, "ExtractMask"), services.calls("ExtractMask")
        disk(ENOUGH)
        again = subprocess.run(command, capture_output=True, text=True, check=False)
        assert again.returncode == 0, again.stderr
        assert services.calls("ExtractMask") - before == IMAGES - kept
        check_same(out, undisturbed)
        shutil.rmtree(out)


def test_a_disk_that_takes_no_more_ends_the_run_clearly_and_keeps_the_work(
    services, network, pictures, undisturbed: Run, tmp_path
):
    """By a limit on the size of files: the report does not fit. No mask is asked for twice."""
    command = [*command_to(network, pictures, tmp_path / "run"), "--services", services.addresses]
    largest = (undisturbed.path / "report.html").stat().st_size * 95 // 100
    before = services.calls("ExtractMask")

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))

    done = subprocess.run(command, capture_output=True, text=True, check=False, preexec_fn=limit)
    assert done.returncode == 1, done.stderr
    assert "File too large" in done.stderr
    assert "Traceback" not in done.stderr
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert services.calls("ExtractMask") - before == IMAGES
    check_same(tmp_path / "run", undisturbed)
