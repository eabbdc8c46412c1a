"""What the package brings along is consistent, small, and as good as the documentation says."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from visum_demo import World, load_world, render
from visum_demo.batches import EVALUATION_SEED, SHAPLEY_SEED, dropped_parts
from visum_demo.network import load_network, predict
from visum_demo.render import Stage
from visum_demo.shapley import class_figures
from visum_demo.shipped import (
    DATA,
    FIGURES,
    IMAGES,
    CausalFigure,
    file_digest,
    load_accuracy,
    load_causal_figures,
    load_truth,
    model_path,
    stem,
)
from visum_demo.train import DROP_SHARE, measure_accuracy

UNSEEN_SEED = EVALUATION_SEED + 500_000
PER_CLASS = 6


@pytest.fixture(scope="module")
def network(world: World) -> torch.nn.Module:
    return load_network(world.name)


def test_the_card_describes_the_network(world: World, network: torch.nn.Module) -> None:
    card = json.loads(model_path(world.name).with_suffix(".json").read_text())
    assert card["name"] == stem(world.name)
    assert card["sha256"] == file_digest(model_path(world.name))
    assert tuple(card["classes"]) == world.classes
    assert card["preprocessing"]["crop"] == 128
    assert network(torch.zeros(1, 3, 128, 128)).shape == (1, len(world.classes))


def test_a_changed_network_file_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    changed = tmp_path / "planted-parts-dev.pt2"
    changed.write_bytes(model_path("dev").read_bytes()[:-1])
    changed.with_suffix(".json").write_text(model_path("dev").with_suffix(".json").read_text())
    monkeypatch.setattr("visum_demo.network.model_path", lambda _name: changed)
    with pytest.raises(ValueError, match="card"):
        load_network("dev")


def test_the_network_names_fresh_pictures(world: World, network: torch.nn.Module) -> None:
    rng = np.random.default_rng(5)
    labels = np.repeat(np.arange(len(world.classes)), PER_CLASS)
    whole, missing = [], []
    for k, label in enumerate(labels):
        scene = world.scene(world.classes[label], UNSEEN_SEED + k)
        stage = Stage(scene)
        whole.append(stage.image())
        missing.append(stage.image(dropped_parts(scene.removable, DROP_SHARE, rng)))
    assert (predict(network, np.stack(whole)).argmax(axis=1) == labels).mean() >= 0.95
    assert (predict(network, np.stack(missing)).argmax(axis=1) == labels).mean() >= 0.90


def test_the_measured_accuracy_meets_the_design(world: World) -> None:
    accuracy = load_accuracy(world.name)
    assert accuracy.images >= 1000
    assert accuracy.whole >= 0.98
    assert accuracy.parts_missing >= 0.95


def test_the_causal_figures_meet_the_design(world: World) -> None:
    stored = json.loads((FIGURES / f"{stem(world.name)}.causal.json").read_text())
    assert stored["model_sha256"] == file_digest(model_path(world.name))
    figures = load_causal_figures(world.name)
    assert tuple(figures) == world.classes
    for name, rows in figures.items():
        kinds = {row.part: row.kind for row in rows}
        assert {part.name for part in world.blueprints[name].designed} == {
            k for k, v in kinds.items() if v == "designed"
        }
        assert ("shortcut" in kinds.values()) == (name == world.shortcut_class)
        for row in rows:
            if row.designed:
                assert row.shapley >= 0.10, (name, row)
                assert row.images >= 90, (name, row)
            if row.kind == "decoy":
                assert abs(row.shapley) <= 0.10, (name, row)


def test_verdicts_follow_their_thresholds() -> None:
    verdicts = [CausalFigure("wing", "shared", value, 0.01, 100).verdict for value in (0.16, 0.15, 0.05, 0.04, -0.3)]
    assert verdicts == ["causal", "unsure", "unsure", "not causal", "not causal"]


def test_the_pictures_are_the_renderings_of_their_seeds() -> None:
    truth = load_truth()
    world = load_world(truth.world)
    files = sorted(IMAGES.iterdir())
    assert [file.name for file in files] == sorted(truth.seeds)
    assert len(files) >= 24
    for file in files:
        image = cv2.cvtColor(cv2.imread(str(file)), cv2.COLOR_BGR2RGB).astype(int)
        rendered = render(world.scene(truth.class_name, truth.seeds[file.name])).image
        # Other builds of the libraries may round differently.
        assert np.abs(image - rendered).mean() < 0.5, file.name


def test_the_network_recognizes_the_pictures() -> None:
    truth = load_truth()
    world = load_world(truth.world)
    images = np.stack([cv2.cvtColor(cv2.imread(str(IMAGES / name)), cv2.COLOR_BGR2RGB) for name in truth.seeds])
    named = predict(load_network(truth.world), images).argmax(axis=1)
    assert (named == world.classes.index(truth.class_name)).mean() >= 0.95


def test_the_package_stays_small() -> None:
    assert sum(path.stat().st_size for path in DATA.rglob("*")) < 4e6
    assert all(model_path(name).stat().st_size < 0.7e6 for name in ("dev", "test"))


@pytest.mark.long
def test_accuracy_and_figures_can_be_measured_again(world: World) -> None:
    accuracy = measure_accuracy(load_network(world.name), world.name, per_class=100, processes=2)
    assert accuracy.whole == pytest.approx(load_accuracy(world.name).whole, abs=0.005)
    assert accuracy.parts_missing == pytest.approx(load_accuracy(world.name).parts_missing, abs=0.005)
    name = world.shortcut_class
    again = class_figures(world.name, name, range(SHAPLEY_SEED, SHAPLEY_SEED + 100))
    stored = {row.part: row for row in load_causal_figures(world.name)[name]}
    for row in again:
        assert row.shapley == pytest.approx(stored[row.part].shapley, abs=0.01)
