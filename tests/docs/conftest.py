"""One folder like a fresh clone, one set of services and one demo run for all pages."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest
from PIL import Image

from tests.client.conftest import draw
from tests.docs.documents import ROOT, Block, Newcomer, blocks, require_ready_environment
from visum_client import Run
from visum_client.tags import summaries_digest
from visum_demo.shipped import model_path

QUICKSTART = blocks(ROOT / "docs" / "quickstart.md")
REAL_DATA = "needs: real data"
UNTIL_STOPPED = "runs until it is stopped"
_PORTS = range(50051, 50055)
_MY_PROJECT = """
import torch
from torch import nn


class Contrasts(nn.Module):  # stripes stand upright, bands lie
    def __init__(self):
        super().__init__()
        self.classifier = nn.Linear(2, 2)
        with torch.no_grad():
            self.classifier.weight.copy_(75 * torch.eye(2))
            self.classifier.bias.zero_()

    def forward(self, pixels):
        down = (pixels[..., 1:, :] - pixels[..., :-1, :]).abs().mean(dim=(1, 2, 3))
        across = (pixels[..., 1:] - pixels[..., :-1]).abs().mean(dim=(1, 2, 3))
        return self.classifier(torch.stack([down, across], dim=1))


network = Contrasts()
"""
_PEOPLE = {"anna": ("stripes", "square"), "ben": ("stripes",), "cleo": ("grid", "square")}


@pytest.fixture(scope="session")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Newcomer]:
    require_ready_environment()
    newcomer = Newcomer(tmp_path_factory.mktemp("clone"))
    (newcomer.folder / "my_project.py").write_text(_MY_PROJECT)
    for name, seeds in (("photos", range(6)), ("new", range(20, 22)), ("bands", range(50, 56))):
        (newcomer.folder / name).mkdir()
        for seed in seeds:
            picture = draw(seed).transpose(Image.Transpose.TRANSPOSE) if name == "bands" else draw(seed)
            picture.save(newcomer.folder / name / f"{seed}.png")
    yield newcomer
    _, left = psutil.wait_procs(_started_in(newcomer.folder), timeout=30)
    assert left == []


@pytest.fixture(scope="session")
def striped(newcomer: Newcomer) -> Iterator[Newcomer]:
    """After the quickstart: with its run, and with the services that it leaves running."""
    if not all(map(_is_free, _PORTS)):
        pytest.skip("the services' default ports are taken")
    model = model_path("test")
    newcomer.write_links([model, model.with_suffix(".json")])
    servers = []
    try:
        for block in QUICKSTART:
            if block.note == UNTIL_STOPPED:
                servers.append(_serve(newcomer, block))
            elif block.note != REAL_DATA:
                newcomer.type(block)
        (line,) = re.findall(r"^export VISUM_SERVICES=(.*)$", "\n".join(block.text for block in QUICKSTART), re.M)
        newcomer.environment["VISUM_SERVICES"] = line
        write_tags(newcomer)
        yield newcomer
    finally:
        newcomer.environment.pop("VISUM_SERVICES", None)
        for server in servers:
            server.terminate()
            server.wait(timeout=60)


def write_tags(newcomer: Newcomer) -> None:
    """What three people would have downloaded from the report of the quickstart's run, and tags of its images."""
    run = Run.load(newcomer.folder / "runs" / "striped")
    summaries = run.summaries
    assert summaries
    common = {"kind": "visum tags", "format": 1, "run": summaries_digest(summaries)}
    for person, tags in _PEOPLE.items():
        named = [{"id": summary.id, "name": tags[0], "tags": tags} for summary in summaries]
        content = common | {"rater": person, "summaries": named}
        (newcomer.folder / f"{person}.json").write_text(json.dumps(content), encoding="utf-8")
    lines = [f"{image.path},{tag}\n" for number, image in enumerate(run.images) for tag in ("stripes", f"{number}")]
    (newcomer.folder / "tags.csv").write_text("".join(lines), encoding="utf-8")


@dataclass(frozen=True)
class Demo:
    """What `make demo` did when it was interrupted, and what it printed when it was typed again."""

    family: int
    """Processes that it had when it was interrupted."""
    left: int
    """Of these, how many were left."""
    status: str
    """Status of its run then."""
    masks: int
    """Masks that it had then."""
    printed: str
    """What the second one printed."""


@pytest.fixture(scope="session")
def demo(newcomer: Newcomer) -> Demo:
    folder = newcomer.folder / "runs" / "demo"
    first = subprocess.Popen(
        ["make", "demo"],
        cwd=newcomer.folder,
        env=newcomer.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    until(lambda: (folder / "masks").is_dir() and any((folder / "masks").iterdir()))
    family = psutil.Process(first.pid).children(recursive=True)
    os.killpg(first.pid, signal.SIGINT)
    first.wait(timeout=60)
    _, alive = psutil.wait_procs(family, timeout=30)
    masks = len(list((folder / "work" / "ExtractMask").rglob("*.pb")))
    status = Run.load(folder).status
    printed = newcomer.type(Block("sh", "make demo", ""))
    return Demo(len(family), len(alive), status, masks, printed)


def until(holds: Callable[[], bool]) -> None:
    """Looks again and again until it holds; fails after two minutes."""
    deadline = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _serve(newcomer: Newcomer, block: Block) -> subprocess.Popen[str]:
    server = newcomer.start(block)
    assert server.stdout is not None
    assert server.stdout.readline().startswith("VISUM_SERVICES=mask=127.0.0.1:50051,")
    return server


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


def _started_in(folder: Path) -> list[psutil.Process]:
    """Processes below this one that were started in a folder; other tests of this worker have some, too."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.Error):
            if Path(process.cwd()).is_relative_to(folder):
                found.append(process)
    return found
