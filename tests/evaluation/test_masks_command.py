import argparse
import json

import numpy as np
import pytest
from PIL import Image

from tests.support.networks import DetailInWindow, SmallNetwork, classifier_of, export
from tests.support.pictures import chessboard, noise
from visum_client.cli import main
from visum_client.errors import InvalidInputError, TooFewImagesError, VisumError
from visum_demo.shipped import MODELS, stem
from visum_evaluation.masks import command, faithfulness, methods
from visum_evaluation.masks.mask_store import MadeMask, MaskStore, mask_key
from visum_evaluation.masks.methods import ALL_METHODS, METHODS, OPTIMIZED
from visum_evaluation.masks.samples import Planted, Sample, planted_scenes
from visum_evaluation.masks.table import FAITHFULNESS, planted_shares, transfer_at_equal_area
from visum_mask.options import MaskOptions, phases
from visum_models import ModelRepository
from visum_models.repository import ModelSettings

QUICK = {
    "crisp": MaskOptions(iterations=20, grid=16),
    "evidence": MaskOptions(iterations=20, grid=16),
    "iebb": MaskOptions(iterations=20, grid=8),
    "literal": MaskOptions(iterations=20, grid=8),
}


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("masks")
    plain = {"resize": 32, "crop": 32, "mean": [0, 0, 0], "std": [1, 1, 1]}
    for name, network in (("window", DetailInWindow((8, 8, 16, 16))), ("other", DetailInWindow((0, 0, 32, 32)))):
        export(network, folder / f"{name}.pt2")
        card = {"preprocessing": plain, "classes": ["flat", "detailed"]}
        (folder / f"{name}.json").write_text(json.dumps(card))
    export(SmallNetwork(), folder / "strange.pt2")
    (folder / "strange.json").write_text(json.dumps({"preprocessing": plain, "classes": list("abcd")}))
    images = folder / "images"
    for name, pictures in {
        "n00000001_detailed": [chessboard(32), 255 - chessboard(32), np.full((32, 32, 3), 90, np.uint8)],
        "flat": [np.full((32, 32, 3), value, np.uint8) for value in (10, 200)],
    }.items():
        (images / name).mkdir(parents=True)
        for index, pixels in enumerate(pictures):
            Image.fromarray(pixels).save(images / name / f"{index}.png")
    (images / "n00000001_detailed" / "9.png").write_bytes(b"no image")
    return folder


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(methods, "OPTIMIZED", QUICK)
    monkeypatch.setattr(command, "CRISP", QUICK["crisp"])


def evaluate(files, *flags):
    parser = argparse.ArgumentParser()
    command.configure(parser)
    return command.run(parser.parse_args(["--model", str(files / "window.pt2"), *map(str, flags)]))


def test_the_paper_s_iterations_are_a_method_of_their_own():
    assert sum(phase.iterations for phase in phases(OPTIMIZED["crisp_450"])) == 450
    assert {"crisp_450"} == set(ALL_METHODS) - set(METHODS)


@pytest.mark.usefixtures("quick")
def test_the_command_prints_one_json_object_with_every_figure_of_every_method(files, capsys):
    folder = files / "images" / "n00000001_detailed"
    words = ["evaluate", "masks", "--model", str(files / "window.pt2"), "--target", "detailed", "--images", str(folder)]
    assert main([*words, "--transfer", str(files / "other.pt2"), "--flips", "1", "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["images"], result["skipped"], result["failed"]) == (2, 1, 1)
    assert set(result["methods"]) == {"crisp", "evidence", "iebb", "iebb_thresh", "literal"}
    for figures in result["methods"].values():
        assert set(figures) == {
            *("drop_raw", "drop_binary", "variance_raw", "variance_binary", "area", "grey", "components"),
            *("seconds_per_image", "faithfulness"),
        }
        assert set(figures["faithfulness"]) == set(FAITHFULNESS)
        assert all(isinstance(value, float) for value in figures["faithfulness"].values())
        assert 0 < figures["area"] < 1
        assert 0 < figures["drop_binary"] <= 100
    crisp = result["methods"]["crisp"]
    assert crisp["drop_binary"] > 99
    assert crisp["faithfulness"]["random_same_area"] < crisp["drop_binary"]
    assert result["methods"]["iebb_thresh"]["area"] == pytest.approx(crisp["area"])
    assert set(result["transfer_at_equal_area"]) == set(result["methods"])
    assert result["start_iou"] > 0.5


@pytest.mark.usefixtures("quick")
def test_no_mask_is_computed_twice(files, tmp_path, monkeypatch):
    flags = ("--all-targets", "--images", files / "images", "--cache", tmp_path, "--flips", 1)
    first = evaluate(files, *flags)
    monkeypatch.setattr(methods, "optimize_masks", lambda *rest, **named: pytest.fail("computed again"))
    assert evaluate(files, *flags) == first
    assert first["images"] == 4


@pytest.mark.usefixtures("quick")
def test_the_limit_counts_recognized_images_of_each_class(files):
    result = evaluate(files, "--all-targets", "--images", files / "images", "--limit", 1, "--methods", "iebb")
    assert (result["images"], result["skipped"], result["failed"]) == (2, 0, 0)
    assert result["flip_iou"] is None


@pytest.mark.usefixtures("quick")
def test_the_figure_has_a_row_an_image_and_a_column_a_method(files, tmp_path):
    folder = files / "images" / "n00000001_detailed"
    path = tmp_path / "masks.png"
    flags = ("--target", 1, "--images", folder, "--methods", "crisp", "iebb", "--flips", 0)
    evaluate(files, *flags, "--figure", path)
    with Image.open(path) as picture:
        assert picture.size == (3 * 36, 14 + 2 * 36)


@pytest.mark.parametrize(
    ("flags", "field"),
    [
        ((), "model"),
        (("--images", "{images}"), "target"),
        (("--images", "{images}", "--target", "flat", "--all-targets"), "target"),
        (("--images", "nowhere", "--target", "flat"), "images"),
        (("--images", "{images}", "--target", "flat", "--limit", "0"), "limit"),
        (("--images", "{images}", "--target", "flat", "--transfer", "{strange}"), "transfer"),
    ],
)
def test_what_is_asked_wrongly_is_refused_by_field(files, flags, field):
    named = [str(flag).format(images=files / "images" / "flat", strange=files / "strange.pt2") for flag in flags]
    with pytest.raises((InvalidInputError, VisumError)) as caught:
        evaluate(files, *named)
    assert field in str(caught.value)


def test_without_a_recognized_image_there_is_a_clear_error(files):
    with pytest.raises(TooFewImagesError, match="recognizes none"):
        evaluate(files, "--target", "detailed", "--images", files / "images" / "flat")


def test_masks_are_kept_by_all_that_they_depend_on(tmp_path):
    classifier = classifier_of(SmallNetwork(), 4)
    view, options = noise(32, 32), MaskOptions()
    keys = {
        mask_key(classifier, view, 0, options, 0.5),
        mask_key(classifier, noise(32, 32, 1), 0, options, 0.5),
        mask_key(classifier, view, 1, options, 0.5),
        mask_key(classifier, view, 0, MaskOptions(iterations=20), 0.5),
        mask_key(classifier, view, 0, options, 0.501),
    }
    assert len(keys) == 5
    store = MaskStore(tmp_path / "new")
    mask = MadeMask(np.random.default_rng(0).random((8, 8), np.float32), np.eye(8, dtype=bool), 1.5)
    assert store.get("key") is None
    store.put("key", mask)
    stored = store.get("key")
    np.testing.assert_array_equal(stored.raw, mask.raw)
    np.testing.assert_array_equal(stored.binary, mask.binary)
    assert stored.seconds == 1.5
    MaskStore(None).put("key", mask)
    assert MaskStore(None).get("key") is None


def window_mask(x0, y0, x1, y1):
    mask = np.zeros((32, 32), bool)
    mask[y0:y1, x0:x1] = True
    return MadeMask(mask.astype(np.float32), mask, 0.0)


def test_drops_are_those_of_a_network_whose_answer_is_known():
    classifier = classifier_of(DetailInWindow((8, 8, 16, 16)), 2)
    sample = Sample(chessboard(32), 1)
    whole = faithfulness.measure_drops(classifier, sample, window_mask(7, 7, 17, 17), None)
    assert min(whole.raw, whole.binary, whole.pyramid, whole.dilated, whole.mean_fill, whole.eroded) > 0.99
    assert whole.random_same_area < 0.9
    assert whole.transfer is None
    beside = faithfulness.measure_drops(classifier, sample, window_mask(20, 20, 30, 30), classifier)
    assert abs(beside.binary) < 1e-6
    assert beside.transfer == pytest.approx(beside.binary, abs=1e-6)
    single = faithfulness.measure_drops(classifier, sample, window_mask(10, 10, 13, 13), None)
    assert single.no_small_components == pytest.approx(0, abs=1e-6)  # 9 of 1024 pixels are under 1 %


def test_transfer_at_equal_area_asks_the_other_network_about_masks_of_one_size():
    other = classifier_of(DetailInWindow((8, 8, 16, 16)), 2)
    masks = {"crisp": [window_mask(10, 10, 14, 14)], "evidence": [window_mask(7, 7, 17, 17)]}
    drops = transfer_at_equal_area(other, [Sample(chessboard(32), 1)], masks, "evidence")
    assert drops["crisp"] > 99
    assert drops["evidence"] > 99
    unknown = transfer_at_equal_area(other, [Sample(np.zeros((32, 32, 3), np.uint8), 1)], masks, "evidence")
    assert unknown == {"crisp": None, "evidence": None}


def test_planted_shares_are_those_of_the_masks_pixels():
    causal, background = window_mask(0, 0, 8, 8).binary, ~window_mask(0, 0, 16, 16).binary
    sample = Sample(chessboard(32), 1, Planted(causal, background))
    shares = planted_shares([sample], [window_mask(4, 0, 12, 32)])
    assert shares == {"causal": 32 / 256, "background": 128 / 256, "causal_recall": 0.5}


def test_scenes_of_a_world_are_recognized_and_come_with_their_parts():
    classifier = ModelRepository(ModelSettings(model_dir=MODELS, trust_model_dir=True)).load(stem("dev"))
    samples = planted_scenes(classifier, "dev", 1)
    assert [sample.target for sample in samples.used] == list(range(18))
    for sample in samples.used:
        assert sample.planted.causal.any()
        assert sample.planted.background.any()
        assert not (sample.planted.causal & sample.planted.background).any()
