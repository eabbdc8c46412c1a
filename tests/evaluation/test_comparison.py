"""Methods side by side: known answers of the curves, and every method on a network whose right answer is known."""

import json
import sys

import numpy as np
import pytest
from PIL import Image

from tests.support.networks import DetailInWindow, classifier_of, export
from tests.support.pictures import chessboard
from visum_client.cli import main
from visum_demo.shipped import MODELS, stem
from visum_evaluation.comparison.curves import score
from visum_evaluation.comparison.methods import METHODS, attribute, last_feature_maps
from visum_evaluation.masks.samples import Planted, Sample
from visum_models import ModelRepository
from visum_models.repository import ModelSettings

SIDE = 32


@pytest.fixture
def window():
    x0, y0, x1, y1 = box = (8, 8, 16, 16)
    inside = np.zeros((SIDE, SIDE), bool)
    inside[y0:y1, x0:x1] = True
    sample = Sample(chessboard(SIDE), 1, Planted(inside, ~inside))
    return classifier_of(DetailInWindow(box), classes=2, side=SIDE), sample, inside


def test_the_true_pixels_are_worth_more_than_all_others(window):
    classifier, sample, inside = window
    area = float(inside.mean())
    right = score(classifier, sample, inside.astype(np.float32), area)
    wrong = score(classifier, sample, (~inside).astype(np.float32), area)
    assert right.drop_mean == pytest.approx(1, abs=1e-3)
    assert abs(wrong.drop_mean) < 1e-6
    assert (right.causal, wrong.causal) == (1, 0)
    assert right.deletion_mean < 0.1 < 0.9 < wrong.deletion_mean
    assert right.insertion_blur > 0.9 > wrong.insertion_blur
    assert right.deletion_blur < wrong.deletion_blur


def test_a_share_of_nothing_drops_nothing(window):
    classifier, sample, inside = window
    scores = score(classifier, sample, inside.astype(np.float32), 0.0)
    assert (scores.drop_blur, scores.drop_mean, scores.causal) == (0, 0, None)


@pytest.mark.parametrize("name", [name for name in METHODS if name != "grad_cam"])
def test_every_method_finds_the_window(window, name, monkeypatch):
    classifier, sample, inside = window
    attribution, seconds = attribute(name, classifier, sample)
    assert attribution.shape == (SIDE, SIDE)
    assert np.abs(attribution[inside]).mean() > 3 * np.abs(attribution[~inside]).mean()
    assert seconds > 0


def test_grad_cam_looks_at_the_last_feature_maps_of_an_exported_program():
    settings = ModelSettings(model_dir=MODELS, trust_model_dir=True)
    classifier = ModelRepository(settings, submodules=True).load(stem("test"))
    weight = last_feature_maps(classifier).weight
    assert weight.ndim == 4
    view = np.random.default_rng(0).integers(0, 256, (classifier.card.preprocessing.crop,) * 2 + (3,), dtype=np.uint8)
    attribution, _ = attribute("grad_cam", classifier, Sample(view, 0))
    assert attribution.shape == view.shape[:2]
    assert (attribution >= 0).all()


def test_the_command_measures_the_methods_that_are_asked_for(tmp_path, capsys):
    export(DetailInWindow((8, 8, 16, 16)), tmp_path / "window.pt2")
    plain = {"resize": SIDE, "crop": SIDE, "mean": [0, 0, 0], "std": [1, 1, 1]}
    (tmp_path / "window.json").write_text(json.dumps({"preprocessing": plain, "classes": ["flat", "detailed"]}))
    (tmp_path / "boards").mkdir()
    Image.fromarray(chessboard(SIDE)).save(tmp_path / "boards" / "board.png")
    words = ["evaluate", "comparison", "--model", str(tmp_path / "window.pt2"), "--target", "detailed"]
    words += ["--images", str(tmp_path / "boards"), "--methods", "occlusion", "--figure", str(tmp_path / "figure.jpg")]
    assert main([*words, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert list(printed["methods"]) == ["occlusion"]
    figures = printed["methods"]["occlusion"]
    assert figures["drop_mean"] > 0.9
    assert figures["causal"] is None
    with Image.open(tmp_path / "figure.jpg") as figure:
        assert figure.width > 2 * SIDE
    assert main([*words, "--area", "0.1"]) == 0
    assert "occlusion" in capsys.readouterr().out
    assert main([*words, "--limit", "0"]) == 2
    assert main([*words, "--area", "2"]) == 1


def test_without_captum_it_says_what_to_install(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    assert main(["evaluate", "comparison", "--world", "test"]) == 1
    assert "pip install 'visum-evaluation[captum]'" in capsys.readouterr().err
