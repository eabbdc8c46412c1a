"""The plain words say what the run measured, and no more."""

from pathlib import Path

import pytest

from tests.report.drawn_runs import World, edit_json, write_run_folder
from visum_client.report import wording
from visum_client.report.contents import read_contents


def told(folder: Path) -> str:
    text = " ".join(wording.plain_words(read_contents(folder)))
    return text.replace("\u00a0", " ").replace("\u2068", "").replace("\u2069", "")


@pytest.mark.parametrize(
    ("fraction", "written"),
    [
        (0.62, "62 %"),
        (0.0689, "6.9 %"),
        (0.9989, "99.89 %"),
        (0.99994, "99.99 %"),
        (1.0, "100 %"),
        (0.0, "0 %"),
        (-0.031, "\u22123.1 %"),
        (-0.0001, "0.0 %"),
        (None, "\u2013"),
    ],
)
def test_fractions_are_written_as_percentages(fraction, written):
    assert wording.percent(fraction).replace("\u00a0", " ") == written


def test_durations_are_written_for_people():
    assert [wording.seconds(value).replace("\u00a0", " ") for value in (0.04, 59.94, 125, None)] == [
        "0.0 s",
        "1 min 0 s",
        "2 min 5 s",
        "\u2013",
    ]


def test_days_are_written_out():
    assert wording.day("2025-11-23T06:40:00Z") == "23 November 2025"
    assert wording.day("yesterday") == ""
    assert wording.day(None) == ""


def test_the_findings_count_images_and_parts(run_folder):
    text = told(run_folder)
    assert "In the 8 images that tinynet recognizes as painted bird, what it uses falls into 3 recurring parts." in text
    assert "Together they occur in every one of them." in text


def test_the_strongest_part_is_the_one_with_the_largest_drop(run_folder):
    def weaken(content):
        content["summaries"][0]["drop"], content["summaries"][1]["drop"] = 0.11, 0.45

    edit_json(run_folder / "summaries.json", weaken)
    text = told(run_folder)
    assert "The strongest is Summary 2 (7 of 8 images)" in text
    assert "falls by 45 % on average" in text
    assert "The weakest is Summary 3 (6 of 8 images)" in text


def test_drops_close_to_nothing_are_called_so(run_folder):
    def weaken(content):
        for number, summary in enumerate(content["summaries"]):
            summary["drop"] = [0.01, 0.004, -0.02][number]

    edit_json(run_folder / "summaries.json", weaken)
    assert "the probability rises by 2.0 %" in told(run_folder)
    assert "No part is decisive by itself." in told(run_folder)


def test_decisive_parts_are_not_called_indecisive(run_folder):
    assert "No part is decisive" not in told(run_folder)


def test_parts_that_miss_some_images_do_not_claim_them(run_folder):
    def forget(content):
        content["summaries"] = content["summaries"][2:]

    edit_json(run_folder / "summaries.json", forget)
    assert "falls into 1 recurring part. Together they occur in 6 of them." not in told(run_folder)
    assert "falls into 1 recurring part. It occurs in 6 of them." in told(run_folder)


def test_admitted_images_are_not_said_to_be_recognized(run_folder):
    def mistake(content):
        content["images"][0]["predicted"][0] = {"index": 9, "name": "kite", "probability": 0.9}

    edit_json(run_folder / "images.json", mistake)
    assert "In the 8 images of painted bird given to tinynet," in told(run_folder)
    assert "recognizes" not in told(run_folder)


def test_without_summaries_no_part_is_claimed(tmp_path):
    text = told(write_run_folder(tmp_path / "run", World(summaries=0)))
    assert "no summary was found" in text
    assert "strongest" not in text


def test_images_left_out_are_counted_with_their_classes(run_folder):
    assert "2 images were left out because it takes them for something else: painted <b>fish</b> (2)." in told(
        run_folder
    )


def test_masks_are_told_with_area_and_drop(run_folder):
    assert "of an image on average, the probability falls by 99.89 %" in told(run_folder)


def test_masks_that_have_little_effect_are_not_praised(run_folder):
    def spoil(content):
        for image in content["images"][:8]:
            image["mask"]["drop_binary"] = -0.02

    edit_json(run_folder / "images.json", spoil)
    assert "of an image on average, the probability rises by 2.0 %" in told(run_folder)


def test_what_was_shown_to_be_needed_is_told_apart_from_what_was_not(run_folder):
    def measure(*lows):
        def change(content):
            for summary, low in zip(content["summaries"], lows, strict=True):
                summary["necessity"] = {"mean": 1.0, "low": low, "high": 2.0}

        edit_json(run_folder / "summaries.json", change)
        return told(run_folder)

    elsewhere = "costs more than blurring the same shapes elsewhere in the same images."
    assert f"Blurring any of the 3 summaries {elsewhere}" in measure(0.5, 0.5, 0.5)
    some = measure(0.5, 0.5, -0.5)
    assert f"Blurring Summary 1 or Summary 2 {elsewhere} Of Summary 3 that could not be shown" in some
