"""Every command and program of the README works, and `make demo` does what it promises."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator

import psutil
import pytest

from tests.docs.documents import ROOT, Block, Newcomer, blocks, require_ready_environment
from visum_client import Run
from visum_demo.shipped import load_causal_figures, load_truth

README = blocks(ROOT / "README.md")
MAKE = README[0]


@pytest.fixture(scope="module")
def newcomer(tmp_path_factory: pytest.TempPathFactory) -> Newcomer:
    require_ready_environment()
    return Newcomer(tmp_path_factory.mktemp("clone"))


@pytest.fixture(scope="module")
def demo(newcomer: Newcomer) -> str:
    """What `make demo` prints."""
    return newcomer.type(Block("sh", next(line for line in MAKE.text.splitlines() if "make demo" in line), ""))


def test_the_demo_leaves_a_complete_run_and_says_where_its_report_is(newcomer: Newcomer, demo: str) -> None:
    run = Run.load(newcomer.folder / "runs" / "demo")
    assert run.status == "complete"
    assert str(run.report) in demo
    assert run.report.is_file()
    assert 24 <= len(run.images) <= 40


def test_the_demo_names_each_summary_with_its_planted_part(newcomer: Newcomer, demo: str) -> None:
    run = Run.load(newcomer.folder / "runs" / "demo")
    assert run.summaries
    for summary in run.summaries:
        assert re.search(rf"^{summary.id} +{summary.images} +\S+\s%? +\S.* \(\d+%\)$", demo, re.MULTILINE)


def test_the_demo_says_which_causal_parts_were_found_and_missed(demo: str) -> None:
    truth = load_truth()
    causal = {
        figure.part for figure in load_causal_figures(truth.world)[truth.class_name] if figure.verdict == "causal"
    }
    found, missed = (re.search(rf"causal parts {word}: +(.*)", demo)[1] for word in ("found", "missed"))
    named = set(re.findall(r"([a-z ]+?) \(\d\.\d\d\)", found.replace(", ", "")))
    assert named
    assert named | set(re.findall(r"([a-z ]+?) \(\d\.\d\d\)", missed.replace(", ", ""))) == causal


def test_a_second_demo_neither_installs_nor_computes_again(newcomer: Newcomer, demo: str) -> None:
    masks = {path: path.stat().st_mtime_ns for path in (newcomer.folder / "runs" / "demo" / "masks").iterdir()}
    assert "environment" not in newcomer.type(Block("sh", "make demo", ""))
    assert masks == {path: path.stat().st_mtime_ns for path in masks}


def test_ctrl_c_in_the_demo_leaves_no_process_and_no_run_that_seems_complete(newcomer: Newcomer) -> None:
    masks = newcomer.folder / "runs" / "interrupted" / "masks"
    demo = subprocess.Popen(
        ["make", "demo", "OUT=runs/interrupted"],
        cwd=newcomer.folder,
        env=newcomer.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    until(lambda: masks.is_dir() and any(masks.iterdir()))
    family = psutil.Process(demo.pid).children(recursive=True)
    os.killpg(demo.pid, signal.SIGINT)
    demo.wait(timeout=60)
    _, alive = psutil.wait_procs(family, timeout=30)
    assert len(family) >= 4
    assert not alive
    assert Run.load(newcomer.folder / "runs" / "interrupted").status == "failed"


def test_make_test_is_a_target(newcomer: Newcomer) -> None:
    assert "pytest" in newcomer.type(Block("sh", "make --dry-run test", ""))


@pytest.mark.parametrize("block", README[1:], ids=lambda block: block.language)
def test_what_the_readme_says_works(newcomer: Newcomer, block: Block) -> None:
    assert newcomer.type(block)


def until(holds: Callable[[], bool]) -> None:
    """Looks again and again until it holds; fails after two minutes."""
    deadline = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture(autouse=True)
def nothing_is_left_behind() -> Iterator[None]:
    before = {process.pid for process in psutil.Process().children(recursive=True)}
    yield
    left = [process for process in psutil.Process().children(recursive=True) if process.pid not in before]
    assert psutil.wait_procs(left, timeout=30)[1] == []
