"""What pages show of measuring masks, specialized classifiers and statistics of proposals runs, on small images."""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from tests.docs.documents import ROOT, blocks, typed
from tests.docs.test_pages import commands
from tests.support.class_runs import draw_images, write_network, write_run
from tests.support.networks import DetailInWindow, export
from tests.support.pictures import chessboard, noise
from visum_client.cli import main
from visum_evaluation.masks import command, methods
from visum_mask.options import MaskOptions

FEW = MaskOptions(iterations=20, grid=16)
SMALL_WORLD = "--classes 2 --seeds 1 --run-images 12 --images 15 --test-images 3 --epochs 6 --training-images 150"


def lines_of(page: str, beginning: str) -> Iterator[list[str]]:
    """The words of each line of a page's blocks that begins so."""
    for block in blocks(ROOT / "docs" / page):
        yield from (words for words in commands(block.text) if " ".join(words).startswith(beginning))


@pytest.fixture
def few_iterations(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(methods, "OPTIMIZED", dict.fromkeys(methods.OPTIMIZED, FEW))
    monkeypatch.setattr(command, "CRISP", FEW)


@pytest.mark.usefixtures("few_iterations")
def test_masks_of_photographs_are_measured_as_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    card = {
        "preprocessing": {"resize": 32, "crop": 32, "mean": [0, 0, 0], "std": [1, 1, 1]},
        "classes": ["flat", "detailed"],
    }
    for name, window in (("mine", (8, 8, 16, 16)), ("other", (0, 0, 32, 32))):
        export(DetailInWindow(window), tmp_path / f"{name}.pt2")
        (tmp_path / f"{name}.json").write_text(json.dumps(card))
    (tmp_path / "photographs" / "detailed").mkdir(parents=True)
    Image.fromarray(chessboard(32)).save(tmp_path / "photographs" / "detailed" / "a.png")
    words, _ = lines_of("masks.md", "evaluate masks")
    assert main(words) == 0
    assert json.loads(capsys.readouterr().out)["images"] == 1


@pytest.mark.long
@pytest.mark.usefixtures("few_iterations")
def test_masks_of_a_world_are_measured_as_the_page_says(capsys: pytest.CaptureFixture[str]) -> None:
    _, words = lines_of("masks.md", "evaluate masks")
    assert main(words) == 0
    assert "evidence" in capsys.readouterr().out


def test_the_gain_of_specialization_is_measured_as_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    network = write_network(tmp_path)
    for path in (network, network.with_suffix(".json")):
        path.rename(tmp_path / f"mine{path.suffix}")
    data = draw_images(tmp_path / "data", 0, 18)
    draw_images(tmp_path / "test", 500, 12)
    for run, name in (("dogs", "red"), ("cats", "green")):
        members = sorted((data / name).iterdir())
        write_run(tmp_path / "runs" / run, tmp_path / "mine.pt2", name, [members[:9], members[9:]])
    _, words = lines_of("specializer.md", "evaluate specialization")
    assert main([*words, "--seeds", "1"]) == 0
    assert json.loads(capsys.readouterr().out)["overall"]["images"] == 24


@pytest.mark.long
def test_the_gain_in_a_world_is_measured_as_the_page_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    words, _ = lines_of("specializer.md", "evaluate specialization")
    assert main([*words, *SMALL_WORLD.split()]) == 0
    assert "per_class" in capsys.readouterr().out


@pytest.mark.long
def test_statistics_of_proposals_are_estimated_as_the_page_says(tmp_path: Path) -> None:
    (tmp_path / "photographs").mkdir()
    for seed in range(4):
        Image.fromarray(noise(240, 240, seed)).save(tmp_path / "photographs" / f"{seed}.png")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for block in blocks(ROOT / "docs" / "matching.md"):
        typed(block, tmp_path, dict(os.environ) | {"PATH": path})
    assert (tmp_path / "whitening.npz").stat().st_size > 1 << 20
    assert (tmp_path / "rotation.npy").is_file()
