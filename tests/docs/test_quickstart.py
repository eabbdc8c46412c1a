"""Every command and program of the quickstart works, in the order in which they stand there."""

import socket
import subprocess
from pathlib import Path

import pytest

from tests.client.conftest import draw
from tests.docs.documents import ROOT, Block, Newcomer, blocks, require_ready_environment
from visum_client import Run

QUICKSTART = blocks(ROOT / "docs" / "quickstart.md")
REAL_DATA = "needs: real data"
UNTIL_STOPPED = "runs until it is stopped"
PORTS = range(50051, 50055)
MY_PROJECT = """
from tests.client.conftest import Detail

network = Detail()
network.classifier.weight.data /= 4  # normalized with std 1/4, contrasts are four times as large
"""


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Newcomer:
    require_ready_environment()
    newcomer = Newcomer(tmp_path_factory.mktemp("clone"))
    (newcomer.folder / "my_project.py").write_text(MY_PROJECT)
    (newcomer.folder / "photos").mkdir()
    for seed in range(6):
        draw(seed).save(newcomer.folder / "photos" / f"{seed}.png")
    return newcomer


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def serve(newcomer: Newcomer, block: Block) -> subprocess.Popen[str]:
    server = newcomer.start(block)
    assert server.stdout is not None
    assert server.stdout.readline().startswith("VISUM_SERVICES=mask=127.0.0.1:50051,")
    return server


def test_what_the_quickstart_says_works_from_top_to_bottom(newcomer: Newcomer) -> None:
    if not all(map(is_free, PORTS)):
        pytest.skip("the services' default ports are taken")
    servers = []
    try:
        for block in QUICKSTART:
            if block.note == UNTIL_STOPPED:
                servers.append(serve(newcomer, block))
            elif block.note != REAL_DATA:
                newcomer.type(block)
    finally:
        for server in servers:
            server.terminate()
            server.wait(timeout=60)
    assert servers
    for name in ("striped", "served"):
        assert Run.load(newcomer.folder / "runs" / name).report.is_file()


@pytest.mark.long
def test_a_torchvision_network_works_as_the_quickstart_says(newcomer: Newcomer, visum_data: Path) -> None:
    (newcomer.folder / "squeezenet1_1.pth").symlink_to(visum_data / "weights" / "squeezenet1_1.pth")
    (newcomer.folder / "dogs").symlink_to(visum_data / "images" / "n02099601_golden_retriever")
    (block,) = [block for block in QUICKSTART if block.note == REAL_DATA]
    newcomer.type(block)
    assert Run.load(newcomer.folder / "runs" / "dogs").report.is_file()
