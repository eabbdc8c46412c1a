"""Images and networks that crash the process of their worker: tried a bounded number of times, and nobody else pays."""

import contextlib
import os
import random
import shutil
import signal
import socket
import threading
from pathlib import Path

import pytest
from PIL.PngImagePlugin import PngInfo

from tests.client.conftest import IMAGES, OPTIONS, draw
from tests.client.test_processes import check_same, results, undisturbed
from tests.reliability.conftest import DeadlyServices
from tests.support.deadly_mask import DEADLY
from visum_client import Run, ServiceUnavailableError
from visum_client.async_client import AsyncClient
from visum_client.client import Client
from visum_client.commands.run import parse_options
from visum_client.lost_workers import MOST_TRIES_ALONE

__all__ = ["undisturbed"]


def with_deadly_images(pictures: Path, folder: Path, count: int, seed: int) -> list[str]:
    """A folder of the pictures, with images among them that kill who reads them; the names of these."""
    shutil.copytree(pictures, folder)
    words = PngInfo()
    words.add_text("Comment", DEADLY.decode())
    names = [f"{random.Random(seed).randint(0, IMAGES)}-deadly-{number}.png" for number in range(count)]
    for number, name in enumerate(names):
        draw(100 + number).save(folder / name, pnginfo=words)
    return names


def order(network: Path, images: Path, out: Path) -> dict:
    common = {"model": network, "target": "striped", "images": images, "out": out, "progress": False}
    return common | parse_options(list(OPTIONS))


@pytest.mark.parametrize("times", [pytest.param(1, id="once"), pytest.param(10, id="full", marks=pytest.mark.long)])
def test_an_image_that_kills_its_worker_is_given_up_and_the_others_are_not(
    times, repetitions, backend, network, pictures, undisturbed: Run, tmp_path, caplog
):
    for number in repetitions("images that crash the worker, one to three among six sound ones", times):
        caplog.clear()
        images = tmp_path / str(number) / "pictures"
        deadly = with_deadly_images(pictures, images, 1 + number % 3, number)
        with Client(AsyncClient(backend())) as client:
            run = client.summarize(**order(network, images, tmp_path / str(number) / "run"))
        assert run.status == "complete"
        failed = {Path(image.path).name: image.reason for image in run.images if image.status == "failed"}
        assert set(failed) == set(deadly)
        assert all("its process ended" in reason for reason in failed.values()), failed
        deaths = sum("ended with code -11" in message for message in caplog.messages)
        assert 3 < deaths <= len(deadly) * (MOST_TRIES_ALONE + 1)
        assert (run.path / "summaries.json").read_bytes() == (undisturbed.path / "summaries.json").read_bytes()


@pytest.mark.parametrize("times", [pytest.param(1, id="once"), pytest.param(10, id="full", marks=pytest.mark.long)])
def test_no_image_is_blamed_where_the_worker_is_killed_again_and_again(
    times, repetitions, backend, network, pictures, undisturbed: Run, tmp_path
):
    """The first process after its first answer, each further one within three seconds of being ready."""
    for number in repetitions("SIGKILL of the mask service again and again through a run", times):
        out, local, over, killed = tmp_path / str(number), backend("--seconds=0.1"), threading.Event(), []
        chance = random.Random(number)

        def kill(out=out, local=local, over=over, killed=killed, chance=chance) -> None:
            while not over.wait(0.02):
                process = local.process_ids().get("mask")
                if process in killed or not (is_listening(local) and results(out, "ExtractMask")):
                    continue
                if killed and over.wait(chance.uniform(1, 3)):
                    return
                killed.append(process)
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)

        killer = threading.Thread(target=kill)
        with Client(AsyncClient(local)) as client:
            killer.start()
            try:
                run = client.summarize(**order(network, pictures, out))
            finally:
                over.set()
                killer.join()
        assert killed
        check_same(run.path, undisturbed)


def is_listening(local: DeadlyServices) -> bool:
    """Whether something answers at the address of the mask service."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", local.mask_port()), timeout=1):
        return True
    return False


@pytest.mark.long
def test_a_network_that_kills_every_worker_ends_the_run(repetitions, backend, network, pictures, tmp_path):
    for _ in repetitions("a network that crashes the worker at every image", 1):
        with Client(AsyncClient(backend("--kill-always"))) as client:
            with pytest.raises(ServiceUnavailableError, match="ended again and again, whatever it was asked"):
                client.summarize(**order(network, pictures, tmp_path / "run"))
