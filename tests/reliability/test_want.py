"""Servers that have too little memory, or nowhere to write: calls end with a clear error, and others go on."""

import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import grpc
import pytest
from PIL import Image
from visum.v1 import specializer_pb2, specializer_pb2_grpc

from tests.client.conftest import IMAGES, OPTIONS, draw
from tests.specializer.test_specializer_service import model_settings, train_requests
from tests.support.errors import expect_refusal
from tests.support.servers import connected, running
from visum_client.async_client import AsyncClient
from visum_client.client import Client
from visum_client.commands.run import parse_options
from visum_runtime.status import INTERNAL_MESSAGE, OUT_OF_MEMORY_MESSAGE
from visum_specializer.server import build

HUGE_SIDE = 7900
MOST_FILE_BYTES = 4096


@pytest.mark.parametrize("times", [pytest.param(1, id="once"), pytest.param(10, id="full", marks=pytest.mark.long)])
def test_an_image_for_which_memory_is_wanting_fails_and_the_others_do_not(
    times, repetitions, backend, network, tmp_path
):
    """By a limit on the server's address space; the image is within the limits on images."""
    for number in repetitions("a server that runs out of memory at one image of seven", times):
        images = tmp_path / str(number)
        images.mkdir()
        for seed in range(IMAGES):
            draw(seed).save(images / f"{seed}.png")
        Image.new("1", (HUGE_SIDE, HUGE_SIDE)).save(images / f"{number % IMAGES}-huge.png")
        order = {"model": network, "target": "striped", "images": images, "out": images / "run", "progress": False}
        with Client(AsyncClient(backend(f"--spare-mib={100 + 10 * number}"))) as client:
            run = client.summarize(**order, **parse_options(list(OPTIONS)))
        assert run.status == "complete"
        (failed,) = (image for image in run.images if image.status == "failed")
        assert "huge" in failed.path
        assert failed.reason == f"mask service: {OUT_OF_MEMORY_MESSAGE}"


def check_export_fails_alone(stub: specializer_pb2_grpc.SpecializerServiceStub) -> None:
    """Training is answered; the file that has no place is a fault that says nothing of the inside; then, again."""
    for _ in range(2):
        classifier = stub.Train(train_requests()).classifier
        request = specializer_pb2.ExportRequest(classifier=specializer_pb2.ClassifierRef(classifier=classifier))
        error = expect_refusal(lambda request=request: list(stub.Export(request)), grpc.StatusCode.INTERNAL)
        assert error.details() == INTERNAL_MESSAGE


def test_a_server_whose_temporary_folder_is_gone_answers_all_else(tmp_path, monkeypatch):
    settings = model_settings(tmp_path)
    with running(build(settings), settings) as server, connected(server) as channel:
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
        check_export_fails_alone(specializer_pb2_grpc.SpecializerServiceStub(channel))


@contextmanager
def server_without_room(folder: str) -> Iterator[grpc.Channel]:
    """A specializer process that can write no file of more than a few kilobytes."""
    flags = ["--port=0", f"--model-dir={folder}", "--trust-model-dir", "--device=cpu", "--log-level=error"]

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (MOST_FILE_BYTES, MOST_FILE_BYTES))

    command = [sys.executable, "-m", "visum_specializer", *flags]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, preexec_fn=limit) as server:
        try:
            port = json.loads(server.stdout.readline())["port"]
            with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
                yield channel
        finally:
            server.kill()


@pytest.mark.long
def test_a_server_process_that_cannot_write_answers_all_else(repetitions, tmp_path):
    for _ in repetitions("a specializer that can write no file: exports fail, all else is answered", 1):
        model_settings(tmp_path)
        with server_without_room(str(tmp_path)) as channel:
            check_export_fails_alone(specializer_pb2_grpc.SpecializerServiceStub(channel))
