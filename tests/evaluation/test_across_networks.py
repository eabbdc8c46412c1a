"""The number of summaries against the accuracy of networks (paper, table 3)."""

import json
import shutil
import sys
from contextlib import nullcontext
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

from tests.report.drawn_runs import World, edit_json, write_run_folder
from visum_client import Run, TooFewImagesError
from visum_client.cli import main
from visum_demo.checkpoints import load_accuracies
from visum_demo.checkpoints import main as checkpoints_main
from visum_demo.shipped import model_path
from visum_evaluation.across_networks import command
from visum_evaluation.across_networks.rank_correlation import rank_correlation


def drawn_run(folder, network, world):
    write_run_folder(folder, world)

    def change(run):
        run["configuration"]["model"] |= {"name": network, "sha256": network.encode().hex().ljust(64, "0")}

    edit_json(folder / "run.json", change)
    return folder


@pytest.fixture
def runs(tmp_path):
    """Four networks on two classes; the better, the more summaries."""
    folders = []
    for number, network in enumerate(("poor", "fair", "good", "best")):
        for target in ("bird", "boat"):
            world = World(summaries=1 + number, unrecognized=4 - number, failed=0, target=target)
            folders.append(drawn_run(tmp_path / network / target, network, world))
    return [str(folder) for folder in folders]


def answer(capsys, *words):
    assert main(["evaluate", "networks", "--json", "--runs", *words]) == 0
    return json.loads(capsys.readouterr().out)


def test_the_networks_come_best_first_with_means_over_classes(capsys, runs):
    result = answer(capsys, *runs)
    assert [row["network"] for row in result["networks"]] == ["best", "good", "fair", "poor"]
    assert [row["summaries"] for row in result["networks"]] == [4, 3, 2, 1]
    assert result["networks"][0]["accuracy"] == pytest.approx(8 / 9)
    assert result["correlation"]["plain"] == {"rho": pytest.approx(1.0), "p_value": pytest.approx(2 / 24)}
    assert result["correlation"]["area"] == pytest.approx(result["correlation"]["plain"])  # all masks are alike here
    assert result["correlation"]["area_and_parts"] is None


def test_accuracies_can_be_given(capsys, runs):
    given = ["--accuracy", "poor=.9", "fair=.8", "good=.7", "best=.6"]
    result = answer(capsys, *runs, *given)
    assert [row["network"] for row in result["networks"]] == ["poor", "fair", "good", "best"]
    assert result["correlation"]["plain"]["rho"] == pytest.approx(-1.0)


@pytest.mark.parametrize("given", ["poor", "poor=2", "=.5", "poor=x", "other=.5"])
def test_an_accuracy_that_fits_nothing_is_refused(capsys, runs, given):
    assert main(["evaluate", "networks", "--runs", *runs, "--accuracy", given]) == 1
    assert "accuracy" in capsys.readouterr().err


def test_networks_of_other_classes_or_images_are_not_compared(capsys, runs):
    assert main(["evaluate", "networks", "--runs", *runs[:-1]]) == 1
    told = capsys.readouterr().err
    assert "best (62657374) and poor (706f6f72) have not the same classes, images and options: boat" in told
    assert main(["evaluate", "networks", "--runs", *runs, runs[0]]) == 1
    assert "several runs of one class" in capsys.readouterr().err


def test_networks_of_other_options_are_not_compared(capsys, runs):
    edit_json(Path(runs[-1]) / "run.json", lambda run: run["configuration"].update(mask={"grid": 3}))
    assert main(["evaluate", "networks", "--runs", *runs]) == 1
    assert "have not the same classes, images and options: boat" in capsys.readouterr().err


def test_networks_of_one_name_are_told_apart_by_their_weights(capsys, runs):
    for folder in runs[:2]:
        edit_json(Path(folder) / "run.json", lambda run: run["configuration"]["model"].update(name="best"))
    result = answer(capsys, *runs)
    assert [row["network"] for row in result["networks"]].count("best") == 2
    assert main(["evaluate", "networks", "--runs", *runs[1:]]) == 1
    assert "have not the same classes, images and options: bird" in capsys.readouterr().err


def test_images_that_were_admitted_though_unrecognized_do_not_count_as_recognized(capsys, runs):
    before = [row["accuracy"] for row in answer(capsys, *runs)["networks"]]

    def admit(records):
        for image in records["images"]:
            image["status"] = "used" if image["status"] == "unrecognized" else image["status"]

    for folder in runs:
        edit_json(Path(folder) / "images.json", admit)
    assert [row["accuracy"] for row in answer(capsys, *runs)["networks"]] == before


def test_the_table_says_what_was_held_fixed(capsys, runs):
    assert main(["evaluate", "networks", "--runs", *runs]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split()[:3] == ["best", "0.889", "4.00"]
    assert "nothing held fixed: rho 1.00, p 0.083" in lines
    assert "both held fixed: too few networks to tell" in lines


def test_the_correlation_is_spearmans_and_its_p_value_exact():
    generator = np.random.default_rng(0)
    one, other = generator.integers(0, 4, 6).tolist(), generator.normal(size=6).tolist()
    rho, p_value = rank_correlation(one, other)
    assert rho == pytest.approx(spearmanr(one, other).statistic)
    every = [abs(spearmanr(one, order).statistic) for order in permutations(other)]
    assert p_value == pytest.approx(np.mean(np.array(every) >= abs(rho) - 1e-9))


def test_a_common_cause_is_taken_away():
    generator = np.random.default_rng(1)
    cause = generator.normal(size=40)
    one, other = (cause + 0.1 * generator.normal(size=40) for _ in range(2))
    assert rank_correlation(one, other)[0] > 0.9
    assert abs(rank_correlation(one, other, [cause])[0]) < 0.4
    assert rank_correlation(one, other, [cause])[1] > 0.05
    assert rank_correlation(one, other)[1] == pytest.approx(1 / 40320)


def test_nothing_is_said_of_too_few_or_of_constants():
    assert rank_correlation([1, 2], [2, 1]) is None
    assert rank_correlation([1, 2, 3, 4], [2, 1, 4, 3], [[1, 2, 3, 4], [2, 1, 4, 3]]) is None
    assert rank_correlation([1, 2, 3], [5, 5, 5]) is None


class DrawingClient:
    """Makes a run as large as the number at the end of a network's name, and none where that is 0."""

    def __init__(self):
        self.asked = []

    def summarize(self, *, model, target, out, images, admit_unrecognized, **_):
        assert admit_unrecognized
        self.asked.append((model.stem, target, len(images)))
        if not (summaries := int(model.stem[-1])):
            raise TooFewImagesError("none has parts", "images")
        return Run.load(drawn_run(out, model.stem, World(summaries=summaries, target=target)))


@pytest.fixture
def checkpoints(tmp_path):
    """Four files of networks and what they are told to be worth."""
    folder = tmp_path / "checkpoints"
    folder.mkdir()
    accuracies = {"epoch0": 0.1, "epoch1": 0.4, "epoch2": 0.6, "epoch3": 0.9}
    for name in accuracies:
        shutil.copy(model_path("test"), folder / f"{name}.pt2")
    (folder / "accuracies.json").write_text(json.dumps(accuracies))
    return folder


def test_networks_of_a_world_are_run_over_the_same_pictures(monkeypatch, capsys, checkpoints, tmp_path):
    client = DrawingClient()
    monkeypatch.setattr(command, "open_client", lambda *_: nullcontext(client))
    figure = tmp_path / "networks.svg"
    words = [
        "evaluate",
        "networks",
        "--json",
        "--images",
        "3",
        "--out",
        str(tmp_path / "runs"),
        "--figure",
        str(figure),
    ]
    files = sorted(map(str, checkpoints.glob("*.pt2")))
    assert main([*words, "--networks", *files]) == 0
    result = json.loads(capsys.readouterr().out)
    assert [(row["network"], row["summaries"]) for row in result["networks"]] == [
        ("epoch3", 3),
        ("epoch2", 2),
        ("epoch1", 1),
        ("epoch0", 0),
    ]
    assert result["correlation"]["plain"]["rho"] == pytest.approx(1.0)
    assert len(client.asked) == 4 * 3  # a class of each family of the world
    assert {count for _, _, count in client.asked} == {3}
    drawn = figure.read_text()
    assert drawn.count("<circle") == 4
    assert "epoch2: accuracy 0.600, 2.00 summaries" in drawn


def test_a_network_without_a_known_accuracy_is_named(capsys, checkpoints):
    (checkpoints / "accuracies.json").unlink()
    assert main(["evaluate", "networks", "--networks", str(checkpoints / "epoch1.pt2")]) == 1
    assert "accuracy: is needed for" in capsys.readouterr().err


@pytest.mark.long
def test_checkpoints_are_trained_once_and_compared(tmp_path, capsys, monkeypatch):
    folder = tmp_path / "checkpoints"
    small = ["--seeds", "1", "--epochs", "3", "--per-class", "4", "--evaluation-per-class", "1", "--processes", "1"]
    monkeypatch.setattr(sys, "argv", ["checkpoints", "--world", "dev", "--out", str(folder), *small])
    checkpoints_main()
    written = {file.name: file.stat().st_mtime_ns for file in folder.iterdir()}
    assert len(written) == 7
    checkpoints_main()
    assert {file.name: file.stat().st_mtime_ns for file in folder.iterdir()} == written
    words = ["--networks", *sorted(map(str, folder.glob("*.pt2"))), "--world", "dev", "--classes", "bonito"]
    quick = ["--images", "4", "--option", "mask.iterations=20", "--out", str(tmp_path / "runs"), "--json"]
    assert main(["evaluate", "networks", *words, *quick]) == 0
    networks = json.loads(capsys.readouterr().out)["networks"]
    assert {row["network"]: row["accuracy"] for row in networks} == load_accuracies(folder)
