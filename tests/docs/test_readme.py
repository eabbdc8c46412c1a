"""Every command and program of the README works, and `make demo` does what it promises."""

import re

from tests.docs.conftest import Demo
from tests.docs.documents import ROOT, Block, Newcomer, blocks
from visum_client import Run
from visum_demo.shipped import load_causal_figures, load_truth

README = blocks(ROOT / "README.md")
MAKE = README[0]


def test_the_readme_begins_with_the_demo() -> None:
    assert re.search(r"^make demo", MAKE.text, re.MULTILINE)


def test_the_demo_leaves_a_complete_run_and_says_where_its_report_is(newcomer: Newcomer, demo: Demo) -> None:
    run = Run.load(newcomer.folder / "runs" / "demo")
    assert run.status == "complete"
    assert str(run.report) in demo.printed
    assert run.report.is_file()
    assert 24 <= len(run.images) <= 40


def test_the_demo_names_each_summary_with_its_planted_part(newcomer: Newcomer, demo: Demo) -> None:
    run = Run.load(newcomer.folder / "runs" / "demo")
    assert run.summaries
    for summary in run.summaries:
        assert re.search(rf"^{summary.id} +{summary.images} +\S+\s%? +\S.* \(\d+%\)$", demo.printed, re.MULTILINE)


def test_the_demo_says_which_causal_parts_were_found_and_missed(demo: Demo) -> None:
    truth = load_truth()
    causal = {
        figure.part for figure in load_causal_figures(truth.world)[truth.class_name] if figure.verdict == "causal"
    }
    found, missed = (re.search(rf"causal parts {word}: +(.*)", demo.printed)[1] for word in ("found", "missed"))
    named = set(re.findall(r"([a-z ]+?) \(\d\.\d\d\)", found.replace(", ", "")))
    assert named
    assert named | set(re.findall(r"([a-z ]+?) \(\d\.\d\d\)", missed.replace(", ", ""))) == causal


def test_another_demo_neither_installs_nor_computes_again(newcomer: Newcomer, demo: Demo) -> None:
    masks = {path: path.stat().st_mtime_ns for path in (newcomer.folder / "runs" / "demo" / "masks").iterdir()}
    assert "environment" not in newcomer.type(Block("sh", "make demo", ""))
    assert masks == {path: path.stat().st_mtime_ns for path in masks}


def test_ctrl_c_in_the_demo_leaves_no_process_and_a_run_that_the_next_one_goes_on_with(
    newcomer: Newcomer, demo: Demo
) -> None:
    assert demo.family >= 4
    assert demo.left == 0
    assert demo.status == "failed"
    assert Run.load(newcomer.folder / "runs" / "demo").stages["masks"]["reused"] == demo.masks >= 1


def test_make_test_is_a_target(newcomer: Newcomer) -> None:
    assert "pytest" in newcomer.type(Block("sh", "make --dry-run test", ""))


def test_what_the_readme_says_works_from_top_to_bottom(newcomer: Newcomer) -> None:
    for block in README[1:]:
        assert newcomer.type(block)
