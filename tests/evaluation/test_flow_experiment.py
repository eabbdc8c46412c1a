"""`visum evaluate flow` on a small data set in the form of PF-WILLOW, whose pictures are moved copies."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
import scipy.io
from PIL import Image

from tests.support.pictures import noise
from visum_client.cli import main
from visum_client.errors import InvalidInputError
from visum_evaluation.evaluate import GROUP
from visum_evaluation.flow.annotated_image import load_subsets
from visum_evaluation.flow.command import COMMAND
from visum_evaluation.flow.experiment import FlowOptions, evaluate_flow
from visum_proposals.selective_search import ProposalOptions
from visum_proposals.whitening import Whitening

OPTIONS = ProposalOptions(max_boxes=150)
KEY_POINTS = np.array([[60, 60], [170, 62], [160, 165], [64, 158], [110, 100], [140, 140]], dtype=float)
METHODS = ("LOM", "PHM", "NAM")


def scene(shift: int) -> np.ndarray:
    """Patches of colour in the middle of a smooth ground, shifted to the right."""
    ground = cv2.GaussianBlur(noise(224, 224, 1), (0, 0), 25)
    patches = np.kron(noise(7, 7, 2), np.ones((18, 18, 1), np.uint8))
    ground[50:176, 50 + shift : 176 + shift] = patches
    return ground


def write(folder: Path, name: str, picture: np.ndarray, key_points: np.ndarray) -> None:
    folder.mkdir(exist_ok=True)
    Image.fromarray(picture).save(folder / f"{name}.png")
    scipy.io.savemat(folder / f"{name}.mat", {"pts_coord": key_points.T})


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("willow")
    for name, shift in (("a", 0), ("b", 20)):
        write(folder / "toy(S)", name, scene(shift), KEY_POINTS + np.array([shift, 0]))
    return folder


@pytest.fixture(scope="module")
def figures(dataset: Path) -> dict:
    return evaluate_flow(load_subsets(dataset), FlowOptions(OPTIONS), Whitening.load())


def test_the_figures_have_the_documented_keys(figures: dict) -> None:
    assert set(figures) == {"mean", "subsets", "upper_bound", "controls"}
    assert set(figures["subsets"]) == {"toy(S)"}
    for by_method in (figures["mean"], *figures["subsets"].values()):
        assert set(by_method) == set(METHODS)
        for method in METHODS:
            assert set(by_method[method]) == {"pcr_auc", "miou_auc", "pck", "mirrored"}
            assert set(by_method[method]["pck"]) == {"0.05", "0.1", "0.15"}


def test_a_shifted_copy_is_found_and_the_controls_do_not_find_it(figures: dict) -> None:
    found = figures["mean"]["LOM"]
    assert found["pcr_auc"] > 0.6
    assert found["pck"]["0.1"] > 0.8
    assert found["pcr_auc"] <= figures["upper_bound"]["pcr_auc"] <= 1.005
    assert figures["controls"]["random"]["pcr_auc"] < figures["controls"]["same_box"]["pcr_auc"] < found["pcr_auc"]


def test_mirrored_photographs_match_as_well_as_upright_ones_where_the_mirror_is_on(
    dataset: Path, figures: dict
) -> None:
    subsets, whitening = load_subsets(dataset), Whitening.load()
    without, with_mirror = (
        evaluate_flow(subsets, FlowOptions(OPTIONS, mirror=mirror, flip=True), whitening)["mean"]["LOM"]
        for mirror in (False, True)
    )
    assert with_mirror["mirrored"] == 1
    assert without["mirrored"] == 0
    assert with_mirror["pcr_auc"] > figures["mean"]["LOM"]["pcr_auc"] - 0.05
    assert with_mirror["pck"]["0.1"] > figures["mean"]["LOM"]["pck"]["0.1"] - 0.05
    assert with_mirror["pcr_auc"] > without["pcr_auc"] + 0.2


def test_the_command_prints_one_object(dataset: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert COMMAND in GROUP.commands
    assert main(["evaluate", "flow", "--dataset", str(dataset), "--max-boxes", "30", "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["mean"]["NAM"]["pcr_auc"] <= 1.005
    table = COMMAND.show(printed)
    assert "PCK@0.1" in table
    assert "same_box" in table


def test_the_folder_needs_photographs_with_key_points(tmp_path: Path) -> None:
    with pytest.raises(InvalidInputError, match="no folder with photographs"):
        load_subsets(tmp_path)
    write(tmp_path / "one", "a", scene(0), KEY_POINTS)
    with pytest.raises(InvalidInputError, match="at least 2 images"):
        load_subsets(tmp_path)
    write(tmp_path / "one", "b", scene(0), KEY_POINTS[:4])
    with pytest.raises(InvalidInputError, match="equally many key points"):
        load_subsets(tmp_path)
    (tmp_path / "one" / "b.mat").write_bytes(b"text")
    with pytest.raises(InvalidInputError, match="cannot be read as key points"):
        load_subsets(tmp_path)


def test_a_photograph_without_a_box_on_its_object_is_named(dataset: Path) -> None:
    options = FlowOptions(ProposalOptions(min_side=220))
    with pytest.raises(InvalidInputError, match="has no box on its object"):
        evaluate_flow(load_subsets(dataset), options, Whitening.load())
