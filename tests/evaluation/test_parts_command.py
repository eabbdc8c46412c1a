"""`visum evaluate parts` runs classes of a planted world and scores what comes out."""

import json
from pathlib import Path

import pytest

from visum_client.cli import BAD_USAGE, FAILURE, main
from visum_evaluation.parts.experiment import FIRST_SEED, SEEDS_A_ROUND, PartsOptions

OPTIONS = ["mask.iterations=40", "mask.grid=16", "mask.target_drop=0.8", "mask.min_region_area=0.002"]


def test_a_class_is_run_and_scored_and_not_run_twice(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["evaluate", "parts", "--world", "dev", "--classes", "bonito", "--images", "6", "--json"]
    words += ["--out", str(tmp_path), "--option", "clustering.preset=consensus"]
    words += [word for option in OPTIONS for word in ("--option", option)]
    assert main(words) == 0
    first = json.loads(capsys.readouterr().out)
    assert first["world"] == "dev"
    assert list(first["classes"]) == ["bonito"]
    assert first["mean"] == first["classes"]["bonito"]
    assert 0 <= first["mean"]["part_f1"] <= 1
    report = (tmp_path / "dev-0" / "bonito" / "run" / "report.html").stat().st_mtime_ns
    assert main(words) == 0
    assert json.loads(capsys.readouterr().out) == first
    assert (tmp_path / "dev-0" / "bonito" / "run" / "report.html").stat().st_mtime_ns == report


@pytest.mark.parametrize(
    ("flags", "message"), [(["--classes", "hoopoe"], "no class 'hoopoe'"), (["--images", "2"], "within 3..")]
)
def test_what_cannot_be_evaluated_is_said(tmp_path, capsys, flags, message) -> None:
    assert main(["evaluate", "parts", "--world", "dev", "--out", str(tmp_path), *flags]) in (FAILURE, BAD_USAGE)
    assert message in capsys.readouterr().err


def test_no_picture_of_an_evaluation_was_seen_before() -> None:
    assert FIRST_SEED > 3_000_000
    assert PartsOptions("dev").images <= SEEDS_A_ROUND
