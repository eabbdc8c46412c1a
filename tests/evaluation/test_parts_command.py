"""`visum evaluate parts` runs classes of a planted world and scores what comes out."""

import json
from pathlib import Path

import pytest

from visum_client.cli import BAD_USAGE, FAILURE, main
from visum_evaluation.parts.command import show
from visum_evaluation.parts.experiment import PartsOptions
from visum_evaluation.parts.scenes import FIRST_SEED

OPTIONS = ["mask.iterations=40", "mask.target_drop=0.8", "clustering.preset=consensus", "clustering.min_images=2"]
WORDS = ["evaluate", "parts", "--world", "dev", "--classes", "bonito", "--images", "6"]


def test_a_class_is_run_and_scored_with_everything_it_is_held_against_and_not_run_twice(tmp_path, capsys):
    words = [*WORDS, "--json", "--out", str(tmp_path), "--ablations", "no_necessity", "no_masks", "--stability"]
    words += [word for option in OPTIONS for word in ("--option", option)]
    assert main(words) == 0
    first = json.loads(capsys.readouterr().out)
    assert (first["world"], first["difficulty"], first["rounds"], first["spread"]) == ("dev", "default", 1, None)
    assert first["mean"] == first["classes"]["bonito"]
    assert 0 <= first["mean"]["part_f1"] <= 1
    assert set(first["controls"]) == {"random_weights", "decoy", "shortcut"}
    assert set(first["baselines"]) == {"ace", "craft", "kmeans"}
    assert set(first["ablations"]) == {"no_necessity", "no_masks"}
    assert all(
        set(figures) == set(first["mean"]) for figures in (*first["baselines"].values(), *first["ablations"].values())
    )
    assert set(first["stability"]) == {"halves", "masks"}
    assert show(first).count("\n") > 8
    report = tmp_path / "dev-0" / "bonito" / "run" / "report.html"
    written = report.stat().st_mtime_ns
    assert main([*words, "--no-references"]) == 0
    assert json.loads(capsys.readouterr().out)["mean"] == first["mean"]
    assert report.stat().st_mtime_ns == written


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--classes", "hoopoe"], "no class 'hoopoe'"),
        (["--images", "2"], "within 3.."),
        (["--rounds", "0"], "rounds 0"),
        (["--difficulty", "brutal"], "brutal"),
        (["--ablations", "everything"], "everything"),
    ],
)
def test_what_cannot_be_evaluated_is_said(tmp_path: Path, capsys, flags, message) -> None:
    try:
        code = main(["evaluate", "parts", "--world", "dev", "--out", str(tmp_path), *flags])
    except SystemExit as ended:
        code = ended.code
    assert code in (FAILURE, BAD_USAGE)
    assert message in capsys.readouterr().err


def test_no_picture_of_an_evaluation_was_seen_before_and_rounds_share_none() -> None:
    assert FIRST_SEED > 3_000_000
    first, second = PartsOptions("dev", ["bonito"], images=3, rounds=2).scenes()
    assert not (first.pictures() == second.pictures()).all()
