"""A mask worker that answers what it should not: the run says so of the image, and goes on with the others."""

from collections.abc import Iterator
from contextlib import contextmanager

import grpc
import pytest
from visum.v1 import mask_pb2_grpc

from tests.client.conftest import IMAGES, OPTIONS
from tests.support.servers import running
from visum_client import Client, TooFewImagesError
from visum_client.commands.run import parse_options
from visum_client.images import find_images
from visum_runtime.metrics import Metrics
from visum_runtime.server import Service
from visum_runtime.settings import ServerSettings
from visum_runtime.worker import Worker


def of_another_image(answer) -> None:
    answer.image_sha256 = "0" * 64


def garbage(answer) -> None:
    answer.mask_png = b"\x89PNG\r\n\x1a\n garbage"


def half_a_mask(answer) -> None:
    answer.mask_png = answer.mask_png[: len(answer.mask_png) // 2]


def nothing(answer) -> None:
    answer.Clear()


class FaultyMask(mask_pb2_grpc.MaskServiceServicer):
    """Asks a real mask service, and spoils the answers to some images; drops the first call of one."""

    def __init__(self, port: int, faults: dict[str, object], dropped: str) -> None:
        self._port = port
        self._faults = faults
        self._dropped = {dropped}

    async def ExtractMask(self, request, context):
        if request.image.sha256 in self._dropped:
            self._dropped.clear()
            await context.abort(grpc.StatusCode.UNAVAILABLE, "dropped")
        async with grpc.aio.insecure_channel(f"127.0.0.1:{self._port}") as channel:
            answer = await mask_pb2_grpc.MaskServiceStub(channel).ExtractMask(request)
        self._faults.get(request.image.sha256, lambda answer: None)(answer)
        return answer

    async def MeasureDrops(self, request, context):
        async with grpc.aio.insecure_channel(f"127.0.0.1:{self._port}") as channel:
            return await mask_pb2_grpc.MaskServiceStub(channel).MeasureDrops(request)

    async def ListModels(self, request, context):
        async with grpc.aio.insecure_channel(f"127.0.0.1:{self._port}") as channel:
            return await mask_pb2_grpc.MaskServiceStub(channel).ListModels(request)


@contextmanager
def faulty(services, faults: dict[str, object], dropped: str = "") -> Iterator[str]:
    """Addresses of the services, with a faulty mask service in the place of the real one."""
    real = services.servers["mask"]
    servicer = FaultyMask(real.port, faults, dropped)
    service = Service(
        name="visum.v1.MaskService",
        version=real.service.version,
        algorithm_version=real.service.algorithm_version,
        add_to=lambda server: mask_pb2_grpc.add_MaskServiceServicer_to_server(servicer, server),
        worker=Worker(threads=2),
        metrics=Metrics(),
    )
    with running(service, ServerSettings(port=0, drain_seconds=5)) as server:
        ports = {name: server.port if name == "mask" else other.port for name, other in services.servers.items()}
        yield ",".join(f"{name}=127.0.0.1:{port}" for name, port in ports.items())


@pytest.mark.parametrize("times", [pytest.param(1, id="once"), pytest.param(10, id="full", marks=pytest.mark.long)])
def test_a_wrong_answer_costs_its_image_and_nothing_else(times, repetitions, services, network, pictures, tmp_path):
    spoil = (of_another_image, garbage, half_a_mask)
    for number in repetitions("mask worker answers garbage, half of it, for the wrong image; drops a call", times):
        images = find_images(pictures)
        images = images[number % IMAGES :] + images[: number % IMAGES]
        faults = dict(zip((image.digest for image in images), spoil, strict=False))
        order = {"model": network, "target": "striped", "images": pictures, "progress": False}
        order |= {"out": tmp_path / str(number)} | parse_options(list(OPTIONS))
        with faulty(services, faults, images[-1].digest) as addresses, Client.connect(addresses) as client:
            run = client.summarize(**order)
        assert run.status == "complete"
        failed = {image.digest: image.reason for image in run.images if image.status == "failed"}
        assert set(failed) == set(faults)
        assert all(reason.startswith(("mask service:", "answered")) for reason in failed.values()), failed
        assert sum(image.status == "used" for image in run.images) == IMAGES - len(faults)


def test_a_worker_that_answers_nothing_right_ends_the_run_and_keeps_the_work(services, network, pictures, tmp_path):
    """The same folder completes on a sound service, and asks for the spoiled images alone."""
    images = find_images(pictures)
    order = {"model": network, "target": "striped", "images": pictures, "progress": False}
    order |= {"out": tmp_path / "run"} | parse_options(list(OPTIONS))
    faults = {image.digest: nothing for image in images[:4]}
    with faulty(services, faults) as addresses, Client.connect(addresses) as client:
        with pytest.raises(TooFewImagesError):
            client.summarize(**order)
    before = services.calls("ExtractMask")
    with Client.connect(services.addresses) as client:
        run = client.summarize(**order)
    assert run.status == "complete"
    assert services.calls("ExtractMask") - before == len(faults)
