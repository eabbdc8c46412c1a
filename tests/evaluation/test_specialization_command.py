"""`visum evaluate specialization`: its figures, for photographs in folders and for a world of planted parts."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.class_runs import COLOURS, draw_images, write_network, write_runs
from visum_client.cli import BAD_USAGE, FAILURE, main
from visum_client.files import file_digest
from visum_demo.worlds import load_world
from visum_evaluation.specialization import world
from visum_evaluation.specialization.command import COMMAND
from visum_evaluation.specialization.world import WorldOptions, draw_pictures

FIGURES = {"images", "before", "after", "ceiling", "p_value"}


@pytest.fixture(scope="module")
def flags(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("photographs")
    network = write_network(folder)
    data, test = draw_images(folder / "data", 0, 18), draw_images(folder / "test", 500, 12)
    runs = write_runs(folder / "runs", network, data)
    words = ["--runs", *map(str, runs), "--weights", str(network), "--data", str(data), "--test", str(test)]
    return ["evaluate", "specialization", *words]


def check(figures: dict) -> None:
    for name in ("overall", "target_classes"):
        row = figures[name]
        assert set(row) == FIGURES
        assert 0 <= row["before"] <= 1
        assert 0 <= row["after"] <= row["ceiling"] <= 1
        assert 0 <= row["p_value"] <= 1
    assert set(figures["controls"]) == {"per_class", "random_clusters"}
    for control in figures["controls"].values():
        assert set(control) == {"after", "p_value"}
    assert 0 <= figures["weight"] <= 1
    assert figures["gain_std"] >= 0


def test_both_combinations_are_measured_and_the_better_on_validation_leads(flags, capsys):
    assert main([*flags, "--seeds", "2", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert set(figures["modes"]) == {"network_share", "literal"}
    for name, mode in figures["modes"].items():
        check(mode)
        assert mode["mode"] == name
    led = figures["modes"][figures["mode"]]
    assert {key: value for key, value in figures.items() if key != "modes"} == led
    assert led["validation"]["after"] == max(mode["validation"]["after"] for mode in figures["modes"].values())
    assert figures["overall"]["images"] == figures["target_classes"]["images"] == 24
    assert figures["overall"]["after"] > figures["overall"]["before"]
    assert "per_class" in COMMAND.show(figures)


def test_images_of_both_sides_and_another_network_are_refused(flags, capsys, tmp_path):
    data = flags[flags.index("--data") + 1]
    assert main([*flags, "--test", data]) == FAILURE
    assert "36 images are among those of the runs or the data" in capsys.readouterr().err
    other = write_network(tmp_path)
    other.write_bytes(other.read_bytes() + b"x")
    assert main([*flags, "--weights", str(other)]) == FAILURE
    assert "the runs were made with" in capsys.readouterr().err
    assert main(["evaluate", "specialization", "--runs", "x"]) in (FAILURE, BAD_USAGE)
    assert "test: is needed with runs" in capsys.readouterr().err


def test_without_more_data_the_runs_own_views_are_taken(flags, capsys, tmp_path):
    network, data = Path(flags[flags.index("--weights") + 1]), draw_images(tmp_path / "data", 0)
    runs = write_runs(tmp_path / "runs", network, data)
    for run, name in zip(runs, COLOURS, strict=False):
        for path in (data / name).iterdir():
            Image.open(path).save(run / "views" / f"{file_digest(path)}.jpg")
        (run / "images.json").write_text(
            json.dumps({"format": 1, "images": [record(p) for p in (data / name).iterdir()]})
        )
    test = flags[flags.index("--test") + 1]
    words = ["evaluate", "specialization", "--runs", *map(str, runs), "--weights", str(network), "--test", test]
    assert main([*words, "--seeds", "1", "--json"]) == 0
    check(json.loads(capsys.readouterr().out))


def record(path: Path) -> dict:
    """An image of a run."""
    nothing = {"original_size": None, "view_size": None, "view_to_original": None, "mask": None}
    return {"digest": file_digest(path), "path": path.name, "status": "used", "predicted": [], **nothing}


def test_pictures_to_test_on_are_others_than_those_to_train_on_and_drawn_once(tmp_path):
    pool = draw_pictures("dev", tmp_path / "pool", 10, 1)
    test = draw_pictures("dev", tmp_path / "test", 1000, 1)
    assert not {view.digest for view in pool} & {view.digest for view in test}
    assert [view.target for view in pool] == list(range(18))
    assert pool[0].read().shape == (128, 128, 3)
    first = sorted((tmp_path / "pool").rglob("*.png"))[0]
    Image.fromarray(np.zeros((128, 128, 3), np.uint8)).save(first)
    draw_pictures("dev", tmp_path / "pool", 10, 1)
    assert not np.asarray(Image.open(first)).any()


def test_a_picture_whose_writing_was_interrupted_is_drawn_again(tmp_path, monkeypatch):
    monkeypatch.setattr(world, "render_batch", lambda _, tasks, __: np.zeros((len(tasks), 128, 128, 3), np.uint8))
    with monkeypatch.context() as interrupted:
        interrupted.setattr(Path, "replace", interrupt)
        with pytest.raises(KeyboardInterrupt):
            draw_pictures("dev", tmp_path, 10, 1)
    assert not list(tmp_path.rglob("*.png"))
    assert draw_pictures("dev", tmp_path, 10, 1)[0].read().shape == (128, 128, 3)


def interrupt(*_):
    """What the key to interrupt does just before a file is whole."""
    raise KeyboardInterrupt


def test_a_network_of_another_training_is_another_file(tmp_path, monkeypatch):
    trained = []

    def train(pictures, labels, classes, epochs, seed):
        trained.append((len(labels) // classes, epochs))

    def write(network, path, *_, **__):
        path.write_bytes(b"")
        path.with_suffix(".json").write_text("{}")
        return path

    monkeypatch.setattr(world, "render_batch", lambda *_: [])
    monkeypatch.setattr(world, "train", train)
    monkeypatch.setattr(world, "compact", lambda network: network)
    monkeypatch.setattr(world, "export_network", write)
    asked = [(2, 3), (2, 4), (5, 3), (2, 3)]
    files = [
        world.brief_network(WorldOptions("dev", training_images=pictures, epochs=epochs), tmp_path)
        for pictures, epochs in asked
    ]
    assert trained == asked[:3]
    assert len(set(files)) == 3
    assert files[0] == files[3]


@pytest.mark.parametrize(
    "changes", [{"classes": 0}, {"classes": 19}, {"run_images": 2}, {"run_images": 61}, {"epochs": 0}]
)
def test_worlds_out_of_range_are_refused(changes):
    with pytest.raises(ValueError, match=next(iter(changes))):
        WorldOptions("dev", **changes)
    assert WorldOptions("dev").classes == len(load_world("dev").classes) == len(load_world("test").classes)


@pytest.mark.long
def test_a_world_is_made_once_and_measured(tmp_path, capsys):
    words = ["evaluate", "specialization", "--world", "dev", "--out", str(tmp_path), "--classes", "2", "--seeds", "1"]
    words += ["--run-images", "6", "--images", "9", "--test-images", "3", "--epochs", "2", "--training-images", "12"]
    assert main([*words, "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    check(figures)
    assert figures["overall"]["images"] == 54
    assert main([*words, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == figures
