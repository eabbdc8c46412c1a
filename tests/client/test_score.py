"""Summaries in new images, on real services: the stripes are found where they are, and nothing where they are not."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from tests.client.conftest import OPTIONS, draw
from visum_client import Client, InvalidInputError, Run, ServiceUnavailableError, ViewToOriginal
from visum_client.cli import main
from visum_client.commands.run import parse_options
from visum_client.errors import LimitError, ServiceFaultError, VisumError
from visum_client.files import file_digest
from visum_client.images import ImageFile
from visum_client.likeness.calibration import MIN_SCORE
from visum_client.score import original_box
from visum_client.stages.job import Job
from visum_client.stages.masks import Extracted, extract_mask


@pytest.fixture(scope="module")
def client(services):
    with Client.connect(services.addresses) as client:
        yield client


@pytest.fixture(scope="module")
def run(client, network, pictures, tmp_path_factory) -> Run:
    """A run whose clusters were made by descriptors."""
    options = [*OPTIONS, "clustering.min_images=2", "necessity.margin=0"]
    out = tmp_path_factory.mktemp("scored") / "run"
    common = {"model": network, "target": "striped", "images": pictures, "out": out, "progress": False}
    return client.summarize(**common, **parse_options(options))


@pytest.fixture(scope="module")
def new_images(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("new")
    draw(101).save(folder / "a.png")
    draw(7, striped=False).save(folder / "b.png")
    (folder / "c.png").write_text("no picture")
    return folder


def test_new_images_show_summaries_where_the_stripes_are(client, run, network, new_images):
    scores = client.score(run, new_images, model=network, progress=False)
    striped, plain, broken = scores.images
    assert [image.status for image in scores.images] == ["scored", "scored", "failed"]
    assert (striped.recognized, plain.recognized, broken.recognized) == (True, False, None)
    assert broken.reason
    assert broken.summaries == ()
    assert [shown.summary for shown in striped.summaries] == [summary.id for summary in run.summaries]
    pixels = np.asarray(draw(101).convert("L"), dtype=float)
    for shown in striped.summaries:
        assert 0 <= shown.score <= 1
        if shown.is_shown:
            assert shown.score >= MIN_SCORE
            x0, y0, x1, y1 = shown.box
            assert np.ptp(pixels[y0:y1, x0:x1]) > 200
    assert {name: known.members for name, known in scores.reliability.items()} == {
        summary.id: len(summary.members) for summary in run.summaries
    }


def test_the_same_images_score_the_same_whatever_their_company(client, run, network, new_images):
    alone = client.score(run.path, new_images / "a.png", model=network, progress=False)
    together = client.score(run.path, new_images, model=network, progress=False)
    assert alone.images[0].summaries == together.images[0].summaries


def fail_on_the_first(monkeypatch: pytest.MonkeyPatch, error: VisumError) -> None:
    """Lets the service fail on a.png."""

    async def extract_or_fail(job: Job, image: ImageFile) -> Extracted:
        if image.label.endswith("a.png"):
            raise error
        return await extract_mask(job, image)

    monkeypatch.setattr("visum_client.score.extract_mask", extract_or_fail)


@pytest.mark.parametrize("kind", [LimitError, ServiceFaultError])
def test_an_image_that_a_service_fails_on_fails_alone(client, run, network, new_images, monkeypatch, kind):
    fail_on_the_first(monkeypatch, kind("cannot be done"))
    scores = client.score(run, new_images, model=network, progress=False)
    assert [image.status for image in scores.images] == ["failed", "scored", "failed"]
    assert scores.images[0].reason == "cannot be done"


def test_a_service_that_is_gone_ends_the_scoring(client, run, network, new_images, monkeypatch):
    fail_on_the_first(monkeypatch, ServiceUnavailableError("is gone"))
    with pytest.raises(ServiceUnavailableError):
        client.score(run, new_images, model=network, progress=False)


def test_an_image_without_parts_shows_nothing(client, run, network, new_images, tmp_path):
    folder = shutil.copytree(run.path, tmp_path / "run")
    content = json.loads((folder / "run.json").read_text())
    content["configuration"]["survivors"] |= {"add_region_boxes": False, "min_inside": 1.0, "dilation": 0.0}
    content["configuration"]["describe"]["min_side"] = 200.0
    (folder / "run.json").write_text(json.dumps(content))
    (image,) = client.score(folder, new_images / "a.png", model=network, progress=False).images
    assert (image.status, image.recognized, image.summaries) == ("scored", True, ())
    assert image.reason == "no proposal lies inside its mask"


def test_another_network_is_refused(client, run, network, pictures, tmp_path):
    other = tmp_path / "other.pt2"
    other.write_bytes(network.read_bytes() + b"\0")
    with pytest.raises(InvalidInputError, match="the run was made with"):
        client.score(run, pictures / "0.png", model=other, progress=False)


def test_the_command_prints_one_object(services, run, network, new_images, capsys):
    words = [
        "score",
        str(run.path),
        str(new_images / "a.png"),
        "--model",
        str(network),
        "--services",
        services.addresses,
    ]
    assert main([*words, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["images"][0]["path"].endswith("a.png")
    assert main(words) == 0
    assert "each left out in turn" in capsys.readouterr().out


def test_a_box_is_told_in_pixels_of_the_original():
    assert original_box((1, 2, 3, 4), ViewToOriginal(2.0, 3.0, 10.0, 20.0)) == (12, 26, 16, 32)
    assert original_box((1, 2, 3, 4), None) == (1, 2, 3, 4)


def test_an_image_is_scored_by_members_of_other_images(client, run, network, pictures, tmp_path):
    """An image of the run itself is not its own witness, but a picture of other content is one."""
    member = next(part for summary in run.summaries for part in summary.members)
    own = next(path for path in pictures.iterdir() if file_digest(path) == member.image)
    foreign = tmp_path / "foreign.png"
    with Image.open(own) as picture:
        picture.save(foreign, pnginfo=_note())
    found = [client.score(run, path, model=network, progress=False).images[0].summaries for path in (own, foreign)]
    likest = [max(shown.likeness for shown in summaries) for summaries in found]
    assert likest[0] < 0.9999
    assert likest[0] < likest[1]


def _note() -> PngInfo:
    """Makes a file of the same pixels another one."""
    note = PngInfo()
    note.add_text("note", "the same picture")
    return note
