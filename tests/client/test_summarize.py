"""Class runs on real services: what they leave, what they do not do twice, what goes wrong."""

import dataclasses
import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.client.conftest import IMAGES, OPTIONS, draw
from visum_client import Client, InvalidInputError, NotFoundError, Run, RunFolderError, TooFewImagesError
from visum_client.commands.run import parse_options
from visum_client.errors import AuthenticationError, LimitError, ServiceFaultError, ServiceUnavailableError
from visum_client.folder import RunFolder
from visum_client.options import OPTIONS as STEP_OPTIONS
from visum_wire import regions_from_png


@pytest.fixture(scope="module")
def client(services):
    with Client.connect(services.addresses) as client:
        yield client


@pytest.fixture
def order(network, pictures, tmp_path):
    """The arguments of a run of seconds."""
    return arguments(network, pictures, tmp_path / "run")


def arguments(network: Path, pictures: Path, out: Path) -> dict[str, Any]:
    common = {"model": network, "target": "striped", "images": pictures, "out": out, "progress": False}
    return common | parse_options(list(OPTIONS))


@pytest.fixture(scope="module")
def finished(client, network, pictures, tmp_path_factory) -> Path:
    """A complete run with its work."""
    order = arguments(network, pictures, tmp_path_factory.mktemp("finished") / "run")
    return client.summarize(**order, keep_work=True).path


@pytest.fixture
def copied(finished, order) -> Run:
    """A complete run with its work, in the folder of `order`."""
    shutil.copytree(finished, order["out"])
    return Run.load(order["out"])


def mark_as_killed(run: Run) -> None:
    """Makes run.json say what it says after a SIGKILL in the last stage."""
    content = json.loads(run.folder.run.read_text())
    run.folder.run.write_text(json.dumps(content | {"status": "running"}))


def test_a_run_leaves_the_documented_folder(client, copied, order):
    run = client.summarize(**order)
    assert sorted(path.name for path in run.path.iterdir()) == [
        "images.json",
        "masks",
        "parts.npz",
        "report.html",
        "run.json",
        "summaries.json",
        "views",
    ]
    assert run.status == "complete"
    assert [image.status for image in run.images] == ["used"] * IMAGES
    assert [image.path for image in run.images] == [f"pictures/{number}.png" for number in range(IMAGES)]
    assert {stage["status"] for stage in run.stages.values()} == {"complete"}
    assert len(run.summaries) >= 1
    _check_masks(run)
    _check_parts(run)
    _check_summaries(run)


def _check_masks(run: Run) -> None:
    for image in run.images:
        regions = regions_from_png(run.folder.mask(image.digest, "regions").read_bytes(), "regions")
        boxes = [(x.min(), y.min(), x.max() + 1, y.max() + 1) for y, x in map(np.nonzero, _each(regions))]
        assert boxes == list(image.mask.regions)
        with Image.open(run.folder.view(image.digest)) as view:
            assert view.size == image.view_size


def _each(regions: np.ndarray) -> list[np.ndarray]:
    return [regions == number for number in range(1, regions.max() + 1)]


def _check_parts(run: Run) -> None:
    with np.load(run.folder.parts) as parts:
        count = len(parts["part_image"])
        assert {name: (array.dtype.name, array.shape) for name, array in parts.items()} == {
            "part_image": ("int32", (count,)),
            "part_box": ("int32", (count, 4)),
            "part_region": ("int32", (count,)),
            "part_descriptor": ("float16", (count, 256)),
            "part_summary": ("int32", (count,)),
            "part_similarity": ("float32", (count,)),
            "part_mirrored": ("bool", (count,)),
        }
        for summary in run.summaries:
            members = [member.part for member in summary.members]
            assert sorted(members) == np.flatnonzero(parts["part_summary"] == summary.index).tolist()
            for member in summary.members:
                assert run.images[parts["part_image"][member.part]].digest == member.image
                assert tuple(parts["part_box"][member.part]) == member.box
        assert np.isnan(parts["part_similarity"][parts["part_summary"] < 0]).all()
        assert not parts["part_mirrored"].any()


def _check_summaries(run: Run) -> None:
    for summary in run.summaries:
        assert summary.images == len(summary.members) >= 3
        assert summary.exemplar == summary.members[0]
        assert summary.drop == pytest.approx(np.mean([member.drop for member in summary.members]))
        similarities = [member.similarity for member in summary.members[1:]]
        assert similarities == sorted(similarities, reverse=True)


def test_every_field_of_the_folder_is_documented(copied):
    text = (Path(__file__).parents[2] / "docs" / "run-folder.md").read_text(encoding="utf-8")
    documented = set(re.findall(r"[`.](\w+)`", text)) | {
        field.name for kind in STEP_OPTIONS.values() for field in dataclasses.fields(kind)
    }
    for path in (copied.folder.run, copied.folder.images, copied.folder.summaries):
        undocumented = _fields(json.loads(path.read_text())) - documented - {"services"}
        assert undocumented == set(), path.name
    with np.load(copied.folder.parts) as parts:
        assert set(parts) <= documented


def _fields(content: Any) -> set[str]:
    if isinstance(content, list):
        return set().union(*map(_fields, content))
    return set(content).union(*map(_fields, content.values())) if isinstance(content, dict) else set()


def test_the_stripes_are_found_and_matter(copied):
    best = max(copied.summaries, key=lambda summary: summary.drop)
    assert best.drop > 0.5
    assert best.drop_log_odds > 1
    assert best.necessity.is_shown
    assert best.necessity.low <= best.necessity.mean <= best.necessity.high
    differences = [member.drop_log_odds - member.placed_log_odds for member in best.members]
    assert best.necessity.mean == pytest.approx(np.mean(differences))


def test_what_does_too_little_is_discarded_with_its_figures(client, copied, order):
    found = len(copied.summaries)
    options = parse_options(["necessity.margin=1000"])
    run = client.summarize(**(order | {"overwrite": True} | options))
    discarded = [entry for entry in run.discarded if entry.reason == "no_effect"]
    assert run.summaries == ()
    assert len(discarded) == found > 0
    assert all("1000.00 is needed" in entry.detail for entry in discarded)
    with np.load(run.folder.parts) as parts:
        assert (parts["part_summary"] == -1).all()


def test_a_complete_run_is_left_as_it_is_without_any_call(copied, order):
    before = copied.folder.summaries.read_bytes()
    with Client.connect("mask=127.0.0.1:1") as nobody:
        nobody.summarize(**(order | {"target": "1"}))
    assert copied.folder.summaries.read_bytes() == before


def test_kept_work_is_not_done_again(client, copied, order, services):
    summaries = copied.folder.summaries.read_bytes()
    mark_as_killed(copied)
    methods = ("ExtractMask", "Describe", "SelectSurvivors", "Match", "Summarize", "MeasureDrops")
    before = [services.calls(method) for method in methods]
    assert min(before) > 0
    again = client.summarize(**order)
    assert [services.calls(method) for method in methods] == before
    assert [again.stages[name]["reused"] for name in ("masks", "proposals")] == [IMAGES, IMAGES]
    assert again.folder.summaries.read_bytes() == summaries
    assert not again.folder.work.exists()


def test_a_damaged_result_alone_is_computed_again(client, copied, order, services):
    summaries = copied.folder.summaries.read_bytes()
    damaged = sorted((copied.folder.work / "ExtractMask").rglob("*.pb"))[0]
    damaged.write_bytes(damaged.read_bytes()[:-1])
    mark_as_killed(copied)
    before = services.calls("ExtractMask")
    assert client.summarize(**order).folder.summaries.read_bytes() == summaries
    assert services.calls("ExtractMask") == before + 1


def test_runs_share_masks_and_proposals_by_a_cache(client, finished, order, services, tmp_path):
    for name in ("ExtractMask", "Describe"):
        shutil.copytree(finished / "work" / name, tmp_path / "cache" / name)
    before = {method: services.calls(method) for method in ("ExtractMask", "Describe", "SelectSurvivors")}
    client.summarize(**order, cache=tmp_path / "cache")
    after = {method: services.calls(method) for method in before}
    assert after == before | {"SelectSurvivors": before["SelectSurvivors"] + IMAGES}


def test_another_configuration_in_a_used_folder_is_refused_and_named(client, copied, order):
    changed = order | parse_options(["mask.iterations=21", "describe.max_boxes=60", "clustering.ssim_rule=off"])
    with pytest.raises(RunFolderError, match=r"mask\.iterations: 20 there, 21 asked for"):
        client.summarize(**changed)
    with pytest.raises(RunFolderError, match=r'target\.name: "striped" there, "plain" asked for'):
        client.summarize(**(order | {"target": "plain"}))
    assert Run.load(order["out"]).status == "complete"


def test_overwriting_starts_anew(client, copied, order):
    with pytest.raises(TooFewImagesError):
        client.summarize(**order, limit=2, overwrite=True)
    assert len(Run.load(order["out"]).images) == 2
    assert not copied.folder.summaries.exists()


def _add_bad_images(folder) -> None:
    (folder / "text.jpg").write_text("this is no picture")
    (folder / "empty.jpg").write_bytes(b"")
    draw(0).save(folder / "whole.jpg")
    (folder / "truncated.jpg").write_bytes((folder / "whole.jpg").read_bytes()[:400])
    (folder / "whole.jpg").unlink()
    Image.new("RGB", (1, 1)).save(folder / "dot.png")
    draw(7, striped=False).save(folder / "plain.png")
    shutil.copy(folder / "0.png", folder / "copy of 0.png")
    draw(11).convert("L").save(folder / "grey.png")
    draw(12).convert("RGBA").save(folder / "transparent.png")
    draw(13).convert("CMYK").save(folder / "cmyk.jpg", quality=95)


def test_bad_images_fail_alone_and_say_why(client, order, pictures, finished, tmp_path):
    folder = tmp_path / "mixed"
    shutil.copytree(pictures, folder)
    _add_bad_images(folder)
    run = client.summarize(**(order | {"images": folder}), cache=finished / "work")
    found = {image.path.removeprefix("mixed/"): (image.status, image.reason) for image in run.images}
    assert found["text.jpg"] == ("failed", "is not an image that is read here (JPEG, PNG, WEBP, BMP, TIFF, GIF)")
    assert found["empty.jpg"] == ("failed", "is empty")
    assert found["truncated.jpg"] == ("failed", "is a damaged or truncated image")
    assert found["dot.png"][0] == "unrecognized"
    assert found["plain.png"][0] == "unrecognized"
    assert found["plain.png"][1].startswith("the network sees plain (100%)")
    assert {found["0.png"][0], found["copy of 0.png"][0]} == {"used", "duplicate"}
    assert [found[name][0] for name in ("grey.png", "transparent.png", "cmyk.jpg")] == ["used"] * 3


def test_too_few_images_are_an_error_that_keeps_the_work(client, order, pictures):
    with pytest.raises(TooFewImagesError, match="of 2 images 2 take part"):
        client.summarize(**order, limit=2)
    run = Run.load(order["out"])
    assert run.status == "failed"
    assert [image.status for image in run.images] == ["used"] * 2
    assert len(list(run.folder.work.rglob("*.pb"))) == 6


def test_images_that_the_network_does_not_recognize_are_too_few(client, order):
    with pytest.raises(TooFewImagesError, match=f"0 take part and 0 have parts \\({IMAGES} unrecognized\\)"):
        client.summarize(**(order | {"target": "plain"}))
    reasons = [image.reason for image in Run.load(order["out"]).images]
    assert all(reason.startswith("the network sees striped") for reason in reasons)


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ({"target": "stripped"}, NotFoundError, "target: the network has no class 'stripped'; did you mean 'striped'"),
        ({"model": "resnet5"}, NotFoundError, "resnet50"),
        ({"model": "gone.pt2"}, InvalidInputError, r"model: gone\.pt2 does not exist"),
        ({"images": "nowhere"}, InvalidInputError, "images: nowhere does not exist"),
        ({"limit": 0}, InvalidInputError, "limit: is 0"),
    ],
)
def test_what_cannot_be_done_is_said_before_a_folder_is_made(client, order, change, kind, message):
    with pytest.raises(kind, match=message):
        client.summarize(**(order | change))
    assert not order["out"].exists()


def test_a_network_that_the_services_do_not_have_is_an_error_that_says_what_to_do(client, order, network, tmp_path):
    other = tmp_path / "other.pt2"
    other.write_bytes(network.read_bytes() + b"x")
    with pytest.raises(NotFoundError, match=r"other\.pt2 must be in the folder of networks"):
        client.summarize(**(order | {"model": other}))


@pytest.fixture
def classes(network, tmp_path) -> dict[str, Path]:
    """The arguments of runs of two classes."""
    for name in ("plain", "striped"):
        (tmp_path / "classes" / name).mkdir(parents=True)
    return {"model": network, "images": tmp_path / "classes", "out": tmp_path / "runs"}


def fail_on(monkeypatch: pytest.MonkeyPatch, error: Exception, finished: Path) -> list[int]:
    """Lets the first of several classes fail, and the others be a finished run; tells which were tried."""
    tried = []

    async def summarize(services, order, progress):
        tried.append(order.target)
        if len(tried) == 1:
            raise error
        return RunFolder(finished)

    monkeypatch.setattr("visum_client.async_client.summarize", summarize)
    return tried


@pytest.mark.parametrize(
    "error",
    [LimitError("is too large"), ServiceFaultError("broke"), PermissionError("no"), TooFewImagesError("too few")],
    ids=lambda error: type(error).__name__,
)
def test_a_class_that_fails_does_not_end_the_others(client, classes, monkeypatch, finished, error):
    tried = fail_on(monkeypatch, error, finished)
    plain, striped = client.summarize_all(**classes)
    assert tried == [0, 1]
    assert (plain.run, plain.error) == (None, error)
    assert striped.run.path == finished


@pytest.mark.parametrize("error", [ServiceUnavailableError("is gone"), AuthenticationError("unknown")])
def test_a_service_that_answers_nobody_ends_all_classes(client, classes, monkeypatch, finished, error):
    tried = fail_on(monkeypatch, error, finished)
    with pytest.raises(type(error)):
        client.summarize_all(**classes)
    assert tried == [0]
