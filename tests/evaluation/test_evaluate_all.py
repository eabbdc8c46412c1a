"""All experiments over runs that are made once."""

import json
from contextlib import nullcontext
from dataclasses import replace

import pytest

from tests.report.drawn_runs import World, edit_json, write_run_folder
from visum_client import Run, TooFewImagesError
from visum_client.cli import main
from visum_client.commands.command import Command
from visum_demo.shipped import IMAGES, model_path
from visum_evaluation.everything import command, steps
from visum_evaluation.everything.class_runs import Network
from visum_evaluation.everything.paper import read_paper
from visum_evaluation.everything.side_by_side import side_by_side
from visum_evaluation.everything.steps import Step, run_step

TABLE_2 = {"crisp": {"drop_binary": 99.5}, "iebb": {"drop_raw": 91.25}, "iebb_thresh": {"drop_binary": 45.0}}


class DrawingClient:
    """Draws runs; of the class quail no image is recognized by the network called other."""

    def __init__(self):
        self.made = []

    def summarize(self, *, model, weights, target, images, out, cache, limit, progress):
        assert (images.name, limit, weights) == (f"n00000001_{target}", 8, None)
        name = "planted-parts-test" if "test" in model else "other"
        if (name, target) == ("other", "quail"):
            raise TooFewImagesError("none is recognized", "images")
        if not out.exists():
            self.made.append((name, target))
            write_run_folder(out, World(summaries=2 if name == "other" else 1, target=target))
            change = {"name": name, "sha256": name.encode().hex().ljust(64, "0")}
            edit_json(out / "run.json", lambda run: run["configuration"]["model"].update(change))
        return Run.load(out)


@pytest.fixture
def client(monkeypatch):
    """Draws runs in place of services, and takes the figures of masks as given."""
    drawing = DrawingClient()
    drawing.masked = []

    def masks(arguments):
        drawing.masked.append(arguments.classes)
        return {"images": 4, "methods": TABLE_2}

    monkeypatch.setattr(command, "open_client", lambda *_: nullcontext(drawing))
    monkeypatch.setattr(command, "MASKS", replace(command.MASKS, run=masks, show=str))
    return drawing


@pytest.fixture
def words(tmp_path):
    """Two classes, two networks."""
    for name in ("hoopoe", "quail"):
        (tmp_path / "photos" / f"n00000001_{name}").mkdir(parents=True)
    networks = [str(model_path("test")), str(model_path("dev"))]
    given = ["--images", str(tmp_path / "photos"), "--classes", "hoopoe", "quail", "--limit", "8"]
    return ["evaluate", "all", *given, "--networks", *networks, "--out", str(tmp_path / "out"), "--json"]


def test_runs_are_shared_and_results_kept(client, words, tmp_path, capsys):
    assert main(words) == 0
    result = json.loads(capsys.readouterr().out)
    assert client.made == [("planted-parts-test", "hoopoe"), ("planted-parts-test", "quail"), ("other", "hoopoe")]
    assert set(result["results"]) == {"masks", "coherency-images", "coherency-parts", "networks"}
    assert [row["summaries"] for row in result["results"]["networks"]["networks"]] == [1.0, 2.0]
    assert len(result["results"]["coherency-images"]["classes"]) == 2
    page = (tmp_path / "out" / "reproduction.md").read_text()
    assert "Left out: quail for planted-parts-dev, too few images" in page
    assert "crisp 99.50 %, iebb 91.25 %, iebb_thresh 45.00 % (4 images)" in page
    assert page.count("not measured") == 2  # neither tags of people nor images to test on
    for name in ("networks.json", "networks.txt", "networks.svg", "coherency-images.svg", "masks.txt"):
        assert (tmp_path / "out" / name).is_file()
    written = (tmp_path / "out" / "coherency-images.json").stat().st_mtime_ns
    assert main(words) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == result["rows"]
    assert (tmp_path / "out" / "coherency-images.json").stat().st_mtime_ns == written
    assert client.masked == [["hoopoe", "quail"]]


def test_a_step_that_is_asked_something_else_is_made_again(client, words, capsys):
    assert main(words) == main([*words, "--mask-images", "2"]) == 0
    assert len(client.masked) == 2


def test_a_step_whose_images_changed_is_made_again(client, words, tmp_path):
    assert main(words) == 0
    (tmp_path / "photos" / "n00000001_quail" / "new.jpg").write_bytes(b"")
    assert main(words) == 0
    assert len(client.masked) == 2


def test_a_step_is_made_again_where_a_file_run_folder_or_version_changed(tmp_path, monkeypatch):
    made = []
    counting = Command(
        "counting", "", "", lambda parser: None, lambda _: made.append(1) or {"made": len(made)}, lambda _: ""
    )
    tags, run, images = tmp_path / "tags.csv", tmp_path / "run", tmp_path / "images"
    inputs = [tags, run / "run.json", images / "1.jpg"]
    for path in inputs:
        path.parent.mkdir(exist_ok=True)
        path.write_text("before")

    def result():
        return run_step(Step("counted", counting, [], [tags, run, images]), tmp_path)["made"]

    assert [result(), result()] == [1, 1]
    for count, path in enumerate(inputs, start=2):
        path.write_text("changed")
        assert [result(), result()] == [count, count]
    monkeypatch.setattr(steps, "version", lambda _: "another")
    assert [result(), result()] == [5, 5]


def test_a_class_without_a_folder_is_named(client, words, capsys):
    assert main([*words, "--classes", "hoopoe", "robin"]) == 1
    assert "no folder of the class 'robin'" in capsys.readouterr().err


def test_networks_are_names_names_with_files_or_files():
    assert Network.parse("vgg16").flags() == ["--model", "vgg16"]
    assert Network.parse("vgg16=a/b.pth").flags() == ["--model", "vgg16", "--weights", "a/b.pth"]
    assert Network.parse("vgg16=a/b.pth").file_flags == ["--weights", "a/b.pth"]
    assert Network.parse("mine.pt2").file_flags == ["--weights", "mine.pt2"]
    assert Network.parse("vgg16").file_flags == []


def test_a_file_with_an_equals_sign_in_its_name_is_a_file(tmp_path):
    file = tmp_path / "lr=0.1.pt2"
    assert Network.parse(str(file)).weights is not None
    file.touch()
    assert Network.parse(str(file)) == Network(str(file))


def test_the_18_classes_are_imagenets():
    torchvision = pytest.importorskip("torchvision.models._meta")
    paper = read_paper()
    assert len(paper.classes) == 18
    assert all(torchvision._IMAGENET_CATEGORIES.count(name) == 1 for name in paper.classes)
    assert list(paper.summaries) == ["alexnet", "vgg16", "googlenet", "resnet50"]


def test_the_figures_of_the_paper_stand_beside_the_measured_ones():
    mean = {"mu_s": 0.6, "mu_r": 0.7, "mu_r_low": 0.65, "mu_r_high": 0.75, "p_value": 0.01}
    classes = [mean | {"target": "a"}, mean | {"target": "b", "mu_s": 0.72, "p_value": 0.6}, {"target": "too few"}]
    tagged = {"classes": classes, "mean": mean}
    rows = side_by_side(
        read_paper(),
        {
            "masks": {"images": 4, "methods": TABLE_2},
            "coherency-images": tagged,
            "coherency-parts": {"classes": [{"target": "too few"}], "mean": None},
            "people": {"classes": [{"mu_u": 0.25}, {"mu_u": 0.5}, {"mu_u": None}]},
            "networks": {
                "networks": [{"network": "good", "summaries": 3, "accuracy": 0.75}],
                "correlation": {"plain": {"rho": 1.0, "p_value": 0.083}},
            },
            "specialization": {"overall": {"images": 50, "before": 0.5, "after": 0.52, "p_value": 0.4}},
        },
    )
    assert [row["measured"] for row in rows[1:]] == [
        "mu_S 0.600, mu_R 0.700, p 0.010; lower in 1 of 2 classes, significantly in 1",
        "nothing to compare: too few summaries or tags",
        "mu_U 0.38 on average over 2 classes",
        "good 3.00 (75.0%): rho 1.00, p 0.083",
        "+2.00% of 50 images, p 0.400",
    ]
    assert rows[3]["paper"] == "mu_U 0.28 on average over 18 classes"
    assert rows[4]["paper"].startswith("alexnet 5 (57.1%); vgg16 5.5 (72.4%)")


@pytest.mark.long
def test_all_of_it_runs_on_scenes_of_a_world(tmp_path, capsys):
    photographs = tmp_path / "photos"
    photographs.mkdir()
    (photographs / "hoopoe").symlink_to(IMAGES)
    given = ["--images", str(photographs), "--classes", "hoopoe", "--limit", "12", "--mask-images", "1"]
    quick = ["--option", "mask.iterations=40", "--option", "mask.target_drop=0.8"]
    words = ["evaluate", "all", *given, *quick, "--networks", str(model_path("test")), "--out", str(tmp_path / "out")]
    assert main([*words, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["results"]["masks"]["images"] == 1
    assert result["results"]["networks"]["correlation"]["plain"] is None
    assert main(words) == 0
    assert "table 3" in capsys.readouterr().out
