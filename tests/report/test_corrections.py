"""The report's section of images that a specialized classifier corrects."""

import json
from pathlib import Path

import pytest

from tests.report.drawn_runs import HOSTILE_NAMES, World, edit_json, write_run_folder
from tests.report.test_report import Outline, report_of
from visum_client.errors import RunFolderError

NAMES = HOSTILE_NAMES[1], HOSTILE_NAMES[5]


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    """A small run."""
    return write_run_folder(tmp_path / "run", World(images=3, summaries=2, unrecognized=0, failed=0))


@pytest.fixture
def specialized(run_folder: Path) -> Path:
    """A run of which a classifier was made that corrects two images."""
    digests = [image["digest"] for image in json.loads((run_folder / "images.json").read_text())["images"][:2]]
    before = {"index": 7, "name": "painted <b>fish</b>", "probability": 0.61}
    after = {"index": 3, "name": "painted bird", "probability": 0.52}
    corrected = [
        {"digest": digest, "path": f"validation/{name}", "before": before, "after": after, "summary": summary}
        for digest, name, summary in zip(digests, NAMES, ("S2", None), strict=False)
    ]
    classifier = {"file": "better.pt2", "sha256": "0" * 64, "combination": "literal", "weight": 0.4}
    content = {"format": 1, "classifier": classifier, "images": 40, "corrected": corrected, "spoiled": 1}
    (run_folder / "specialization.json").write_text(json.dumps(content))
    return run_folder


def section(page: Outline) -> str:
    return page.text.split("Corrected images")[1].split("Masks")[0]


def test_corrected_images_are_shown_with_both_classes_and_their_summary(specialized):
    page = report_of(specialized)
    told = section(page)
    assert "better.pt2 names 2 rightly that the network names wrongly, and 1 wrongly" in told
    assert told.count("painted <b>fish</b> (61") == told.count("painted bird (52") == 2
    assert all(name in told for name in NAMES)
    assert told.count("Summary 2") == 1
    assert {"href": "#summary-2"} in page.named("a")
    assert not page.named("b")


def test_a_run_of_which_nothing_was_made_has_no_such_section(run_folder):
    assert "Corrected images" not in report_of(run_folder).text


def test_a_classifier_that_gained_nothing_is_told(specialized):
    def nothing(content):
        content["classifier"]["weight"], content["corrected"] = 0.0, []

    edit_json(specialized / "specialization.json", nothing)
    assert "did not help on the validation images" in section(report_of(specialized))


@pytest.mark.parametrize("damage", [{"format": 9}, {"corrected": [{}]}, {"classifier": None}])
def test_a_damaged_record_is_refused(specialized, damage):
    edit_json(specialized / "specialization.json", lambda content: content.update(damage))
    with pytest.raises(RunFolderError, match=r"specialization\.json"):
        report_of(specialized)


def test_a_digest_cannot_lead_out_of_the_folder(specialized):
    edit_json(specialized / "specialization.json", lambda content: content["corrected"][0].update(digest="../../x"))
    with pytest.raises(RunFolderError, match="not 64 hexadecimal digits"):
        report_of(specialized)
