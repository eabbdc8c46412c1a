"""`visum evaluate parts` runs classes of a planted world and scores what comes out."""

import json
from pathlib import Path

import pytest

from visum_client.cli import BAD_USAGE, FAILURE, main
from visum_evaluation.parts.ablations import ABLATIONS
from visum_evaluation.parts.command import show
from visum_evaluation.parts.experiment import PartsOptions
from visum_evaluation.parts.scenes import FIRST_SEED

OPTIONS = ["mask.iterations=40", "mask.target_drop=0.8", "clustering.preset=consensus", "clustering.min_images=2"]
WORDS = ["evaluate", "parts", "--world", "dev", "--classes", "bonito", "--images", "6"]


def words(out: Path, *flags: str) -> list[str]:
    return [*WORDS, "--json", "--out", str(out), *flags, *(word for option in OPTIONS for word in ("--option", option))]


def test_a_class_is_run_and_scored_and_not_run_twice(tmp_path, capsys):
    assert main(words(tmp_path, "--no-references", "--ablations", "no_necessity")) == 0
    first = json.loads(capsys.readouterr().out)
    assert (first["world"], first["difficulty"], first["rounds"], first["spread"]) == ("dev", "default", 1, None)
    assert first["mean"] == first["classes"]["bonito"]
    assert 0 <= first["mean"]["part_f1"] <= 1
    assert first["ablations"]["no_necessity"]["summaries"] >= first["mean"]["summaries"]
    assert "bonito" in show(first)
    report = tmp_path / "dev-0" / "bonito" / "run" / "report.html"
    written = report.stat().st_mtime_ns
    assert main(words(tmp_path, "--no-references")) == 0
    assert json.loads(capsys.readouterr().out)["mean"] == first["mean"]
    assert report.stat().st_mtime_ns == written


@pytest.mark.long
def test_summaries_are_held_against_controls_baselines_ablations_and_themselves(tmp_path, capsys):
    assert main(words(tmp_path, "--ablations", "--stability", "--rounds", "2")) == 0
    found = json.loads(capsys.readouterr().out)
    assert set(found["controls"]) == {"random_weights", "decoy", "shortcut"}
    assert set(found["baselines"]) == {"ace", "craft", "kmeans", "kmeans_features"}
    assert set(found["ablations"]) == set(ABLATIONS)
    assert all(set(row) == set(found["mean"]) for row in (*found["baselines"].values(), *found["ablations"].values()))
    assert set(found["stability"]) == {"halves", "masks"}
    assert found["spread"]["part_f1"] >= 0
    assert show(found).count("\n") > 12


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
