"""What summaries of planted worlds are held against: controls, ablations, and themselves from other images."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from visum_client import ClusteringOptions, MaskOptions
from visum_demo import load_world
from visum_demo.network import normalized
from visum_evaluation.parts import controls
from visum_evaluation.parts.ablations import CHANGES
from visum_evaluation.parts.controls import count_kind, one_class_a_family, write_random_network
from visum_evaluation.parts.experiment import PartsOptions, Workspace, score_classes, score_mean, score_spread
from visum_evaluation.parts.measures import ShownSummary
from visum_evaluation.parts.scenes import Scenes
from visum_evaluation.parts.stability import share_with_counterpart
from visum_models import ModelRepository
from visum_models.repository import ModelSettings

SCENES = Scenes("dev", "default", "tunny", 0, 4)


def test_a_mask_of_a_planted_part_shows_it_and_one_of_the_background_nothing():
    rendering = SCENES.rendering(1)
    for name, mask in rendering.part_masks.items():
        if mask.any():
            assert SCENES.shown(1, mask) == name
    background = ~np.logical_or.reduce(list(rendering.part_masks.values()))
    assert SCENES.shown(1, background) is None
    assert SCENES.shown(1, np.zeros((128, 128), bool)) is None


def test_harder_pictures_are_other_pictures_of_the_same_class():
    hard = replace(SCENES, difficulty="hard")
    assert hard.pictures().shape == SCENES.pictures().shape
    assert not np.array_equal(hard.pictures(), SCENES.pictures())


def test_pictures_whose_writing_was_interrupted_are_drawn_again(tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as interrupted:
        interrupted.setattr(Path, "replace", interrupt)
        with pytest.raises(KeyboardInterrupt):
            SCENES.write(tmp_path)
    assert not list(tmp_path.glob("*.png"))
    SCENES.write(tmp_path)
    drawn = [np.asarray(Image.open(file)) for file in sorted(tmp_path.glob("*.png"))]
    np.testing.assert_array_equal(drawn, SCENES.pictures())


def test_a_network_of_random_weights_without_its_card_is_written_again(tmp_path, monkeypatch):
    written = []
    monkeypatch.setattr(controls, "write_random_network", lambda _, path: written.append(path))
    monkeypatch.setattr(controls, "run_variant", lambda *_: {(0, "tunny"): []})
    model = tmp_path / "random-weights-dev.pt2"
    model.touch()
    controls.random_weights(Workspace(None, tmp_path), PartsOptions("dev"))
    model.with_suffix(".json").touch()
    controls.random_weights(Workspace(None, tmp_path), PartsOptions("dev"))
    assert written == [model]


def test_random_weights_are_as_confident_as_learned_ones_and_prefer_no_class(tmp_path):
    write_random_network("dev", tmp_path / "random.pt2")
    classifier = ModelRepository(ModelSettings(model_dir=tmp_path, trust_model_dir=True)).load("random")
    pictures = np.concatenate([Scenes("dev", "default", name, 7, 2).pictures() for name in load_world("dev").classes])
    with torch.no_grad():
        logits = classifier.network(normalized(pictures))
    assert 2.5 < float((logits - logits.mean(0)).std()) < 10
    right = logits.argmax(1).numpy() == np.repeat(np.arange(18), 2)
    assert right.mean() < 0.3


def test_controls_run_one_class_of_each_family():
    few = one_class_a_family(PartsOptions("dev", rounds=3))
    assert few.classes == ("tunny", "hauler", "welder")
    assert few.rounds == 1


def test_decoys_and_shortcuts_are_counted_by_what_most_members_show():
    tag = ShownSummary(["corner tag", "corner tag", "body"])
    shown = {(0, "ranger"): [tag, ShownSummary(["crane"] * 3)], (0, "tunny"): [ShownSummary(["rosette", "rosette"])]}
    options = PartsOptions("dev")
    assert count_kind(options, shown, "shortcut") == 1
    assert count_kind(options, shown, "decoy") == 1


def test_every_ablation_changes_something_and_keeps_the_rest():
    before = {"mask": MaskOptions(iterations=40), "clustering": ClusteringOptions(preset="consensus", min_images=2)}
    for name, change in CHANGES.items():
        after = change(before)
        assert {**before, **after} != before, name
        assert after["mask"].iterations == 40
        assert after["clustering"].min_images == 2


def test_rounds_are_averaged_and_their_spread_is_told():
    perfect = [ShownSummary([part] * 10) for part in ("sword snout", "sail fin", "crescent tail")]
    options = PartsOptions("dev", ["tunny"], rounds=2)
    shown = {(0, "tunny"): perfect, (1, "tunny"): []}
    assert score_mean(options, shown).part_f1 == pytest.approx(0.5)
    assert score_classes(options, shown)["tunny"].part_f1 == pytest.approx(0.5)
    spread = score_spread(options, shown)
    assert spread["part_f1"] == pytest.approx(np.std([1, 0], ddof=1))
    assert "purity" not in spread
    assert score_spread(PartsOptions("dev", ["tunny"]), {(0, "tunny"): perfect}) is None


def test_the_share_that_comes_again_is_of_those_that_find_one_alike():
    assert share_with_counterpart([1, 2, 3], [3, 4], lambda one, other: one == other) == [False, False, True]
