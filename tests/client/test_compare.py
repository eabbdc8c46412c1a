"""Runs side by side: known overlaps, what chance gives, and that order does not matter."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.report.drawn_runs import HOSTILE_NAMES, World, edit_json, write_run_folder
from visum_client import InvalidInputError
from visum_client.cli import BAD_USAGE, main
from visum_client.compare.classes import ClassOrder, compare_classes, share
from visum_client.compare.grouping import group_summaries
from visum_client.compare.networks import compare_networks
from visum_client.compare.overlap import SHUFFLES, Overlap, beyond_chance, measure_absence, measure_overlaps
from visum_client.compare.places import Places, find_places
from visum_client.likeness.feature_space import PartFeatures
from visum_client.likeness.members import Members
from visum_client.progress import Progress
from visum_client.report.contents import read_contents


def box(x: int, y: int, side: int = 8) -> np.ndarray:
    pixels = np.zeros((48, 48), bool)
    pixels[y : y + side, x : x + side] = True
    return pixels


def places(*boxes: np.ndarray | None) -> list[Places]:
    return [Places({} if pixels is None else {"S1": pixels}, box(0, 0, 24)) for pixels in boxes]


def overlap(first: list[Places], second: list[Places]):
    return measure_overlaps(first, second, ["S1"], ["S1"])["S1", "S1"]


def test_overlap_is_the_sum_of_intersections_over_union_by_the_images_that_show_either():
    first, second = places(box(0, 0), box(0, 0), None, box(9, 9)), places(box(0, 0), box(0, 4), box(5, 5), None)
    found = overlap(first, second)
    assert (found.both, found.either) == (2, 4)
    assert found.iou == pytest.approx((1 + 1 / 3) / 2)
    assert found.value == pytest.approx((1 + 1 / 3) / 4)
    assert overlap(second, first).value == found.value


def test_what_lies_in_the_same_place_of_every_image_is_no_agreement_about_images():
    middle = places(*[box(20, 20)] * 12)
    assert overlap(middle, middle).value == overlap(middle, middle).chance == 1
    assert overlap(middle, middle).p == 1
    random = np.random.default_rng(0)
    wandering = places(*[box(*random.integers(0, 40, 2)) for _ in range(12)])
    assert overlap(wandering, wandering).value == 1
    assert overlap(wandering, wandering).chance < 0.2
    assert overlap(wandering, wandering).p == 1 / (SHUFFLES + 1)


def test_summaries_that_meet_nowhere_overlap_by_nothing():
    found = overlap(places(box(0, 0), None), places(None, box(0, 0)))
    assert (found.value, found.iou, found.both, found.either) == (0, None, 0, 2)
    assert found.p == 1


def test_pairs_that_chance_explains_are_left_out_however_many_are_looked_at():
    def pairs(*ps: float) -> dict[int, Overlap]:
        return {number: Overlap(0.5, 0.5, 5, 5, 0.1, p) for number, p in enumerate(ps)}

    assert beyond_chance(pairs(0.04), 0.05) == [0]
    assert beyond_chance(pairs(0.04, *[0.9] * 9), 0.05) == []
    assert beyond_chance(pairs(0.9, 0.009, 0.004, 0.016, *[0.5] * 11), 0.05) == []
    assert beyond_chance(pairs(0.9, 0.009, 0.004, 0.0099, *[0.5] * 11), 0.05) == [1, 2, 3]
    assert beyond_chance({}, 0.05) == []


def test_summaries_with_nothing_in_common_are_seldom_taken_for_one_part():
    """Ten pairs of runs, 4 x 4 summaries each, in the middle of chosen images independently of each other."""
    random = np.random.default_rng(0)

    def a_run() -> list[Places]:
        shown = random.random((12, 4)) < 0.6
        corners = random.normal(20, 4, (12, 4, 2)).astype(int).clip(0, 40)
        return [
            Places({f"S{n}": box(*corners[image, n]) for n in range(4) if shown[image, n]}, box(0, 0, 24))
            for image in range(12)
        ]

    names = [f"S{n}" for n in range(4)]
    found = [beyond_chance(measure_overlaps(a_run(), a_run(), names, names), 0.05) for _ in range(10)]
    assert sum(map(bool, found)) <= 2


def test_absence_tells_what_other_summaries_and_masks_hold():
    ours = places(box(0, 0), box(20, 20), None)
    theirs = [Places({"S7": box(4, 0)}, box(0, 0, 24)), Places({}, box(0, 0, 24)), Places({}, box(0, 0))]
    absence = measure_absence(ours, theirs, "S1")
    assert absence.in_summaries == pytest.approx(0.25)
    assert absence.in_masks == pytest.approx((1 + 1 / 4) / 2)
    assert absence.mask_area == pytest.approx(0.25)


def test_groups_hold_one_summary_of_a_run_and_the_most_similar_go_first():
    keys = [(0, "S1"), (0, "S2"), (1, "S1"), (1, "S2"), (2, "S1")]
    similarity = {
        ((0, "S1"), (1, "S1")): 0.5,
        ((0, "S2"), (1, "S1")): 0.9,
        ((0, "S2"), (2, "S1")): 0.4,
        ((1, "S1"), (2, "S1")): 0.2,
    }
    assert group_summaries(keys, similarity, 0.3) == [[(0, "S1")], [(0, "S2"), (1, "S1"), (2, "S1")], [(1, "S2")]]
    assert group_summaries(keys, similarity, 0.31) == [[(0, "S1")], [(0, "S2"), (1, "S1")], [(1, "S2")], [(2, "S1")]]
    assert group_summaries(keys, {}, 0.1) == [[key] for key in keys]


@pytest.fixture(scope="module")
def drawn(tmp_path_factory) -> Path:
    """A run of 8 images with 3 summaries: head, body, legs."""
    return write_run_folder(tmp_path_factory.mktemp("compared") / "run", World(texture=4.0))


@pytest.fixture
def other(drawn, tmp_path) -> Path:
    """The same run by another network, without the summary of the body."""
    folder = tmp_path / "other"
    shutil.copytree(drawn, folder)
    edit_json(folder / "run.json", lambda run: run["configuration"]["model"].update(name="bignet", sha256="cd" * 32))
    edit_json(folder / "summaries.json", lambda content: content["summaries"].pop(1))
    return folder


def test_what_two_networks_share_and_what_one_lacks(drawn, other):
    comparison = compare_networks([read_contents(drawn), read_contents(other)])
    assert len(comparison.images) == 8
    assert [part.summaries for part in comparison.parts] == [("S1", "S1"), ("S3", "S3"), ("S2", None)]
    assert [part.overlap for part in comparison.parts] == [1, 1, None]
    missing = comparison.parts[2].absences[1]
    assert missing.in_masks == pytest.approx(1)
    assert missing.in_summaries < 0.3


def test_the_order_of_runs_only_turns_the_answer_round(drawn, other):
    there = compare_networks([read_contents(drawn), read_contents(other)])
    back = compare_networks([read_contents(other), read_contents(drawn)])
    assert {part.summaries for part in there.parts} == {part.summaries[::-1] for part in back.parts}


def test_places_are_those_of_the_original_whatever_the_view(drawn, tmp_path):
    contents = read_contents(drawn)
    digest = next(iter(contents.used))
    whole = find_places(contents, digest)
    assert whole.mask.shape == (240, 320)
    assert not whole.mask[192:].any()  # the view of 96 x 96 pixels, twice as large, covers 192 x 192 of them
    assert not whole.mask[:, 192:].any()
    folder = tmp_path / "moved"
    shutil.copytree(drawn, folder)
    shift = {"xx": 1.0, "yy": 1.0, "x0": 100.0, "y0": 50.0}
    edit_json(
        folder / "images.json", lambda content: [image.update(view_to_original=shift) for image in content["images"]]
    )
    moved = find_places(read_contents(folder), digest)
    assert np.array_equal(moved.mask[50:146, 100:196], whole.mask[:192:2, :192:2])
    assert moved.mask.sum() == moved.mask[50:146, 100:196].sum()


def test_an_original_that_is_large_is_compared_on_fewer_cells(drawn, tmp_path):
    folder = tmp_path / "large"
    shutil.copytree(drawn, folder)
    larger = {"original_size": [5000, 3000], "view_to_original": {"xx": 20.0, "yy": 20.0, "x0": 0.0, "y0": 0.0}}
    edit_json(folder / "images.json", lambda content: [image.update(larger) for image in content["images"]])
    contents = read_contents(folder)
    assert find_places(contents, next(iter(contents.used))).mask.shape == (300, 500)


def test_runs_that_cannot_be_compared_say_why(drawn, other, tmp_path, capsys):
    few = write_run_folder(tmp_path / "few", World(images=2))
    fish = write_run_folder(tmp_path / "fish", World(target="painted fish"))
    edit_json(fish / "run.json", lambda run: run["configuration"]["model"].update(sha256="ef" * 32))
    runs = {"drawn": drawn, "other": other, "few": few, "fish": fish}
    out = ["--out", str(tmp_path / "page.html")]
    for names, reason in [
        (("drawn", "few"), "2 used images"),
        (("drawn", "fish"), "networks"),
    ]:
        assert main(["compare", *(str(runs[name]) for name in names), *out]) == 1
        assert reason in capsys.readouterr().err
    assert main(["compare", str(drawn), str(other), *out, "--min-overlap", "0"]) == BAD_USAGE
    assert "above 0" in capsys.readouterr().err
    with pytest.raises(SystemExit) as caught:
        main(["compare", str(drawn), *out])
    assert caught.value.code == BAD_USAGE
    with pytest.raises(InvalidInputError, match="at least two"):
        compare_networks([read_contents(drawn)])
    assert not (tmp_path / "page.html").exists()


def test_the_command_writes_numbers_and_a_page_that_trusts_nothing(drawn, other, tmp_path, capsys):
    edit_json(other / "run.json", lambda run: run["configuration"]["model"].update(name="</script><b>big</b>"))
    page = tmp_path / "page.html"
    assert main(["compare", str(drawn), str(other), "--out", str(page), "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["kind"] == "networks"
    assert [part["summaries"] for part in figures["parts"]] == [["S1", "S1"], ["S3", "S3"], ["S2", None]]
    assert len(figures["overlaps"]) == 6
    html = page.read_text(encoding="utf-8")
    assert "<b>big</b>" not in html
    assert "<script" not in html
    assert HOSTILE_NAMES[0] not in html
    assert main(["compare", str(drawn), str(other), "--out", str(page)]) == 0
    assert "S2     -   alone" in capsys.readouterr().out


def class_members(contents, centres: dict[str, np.ndarray], generator: np.random.Generator) -> Members:
    """Members of three summaries, each around a centre of its own in feature space."""
    summaries = contents.clustering.summaries
    rows, labels, images = [], [], []
    for label, summary in enumerate(summaries):
        for part in summary.members:
            rows.append(centres[summary.id] + generator.normal(0, 0.3, 12))
            labels.append(label)
            images.append(part.image + contents.target)
    features = np.array(rows, np.float32)
    return Members(summaries, tuple(labels), tuple(images), PartFeatures((features,), (features,)))


def test_classes_share_what_lies_in_the_same_place_of_feature_space(drawn, tmp_path):
    fish = read_contents(write_run_folder(tmp_path / "fish", World(target="painted fish")))
    bird = read_contents(drawn)
    generator = np.random.default_rng(0)
    head, body, legs, fin, tail = np.eye(12)[:5] * 3
    first = class_members(bird, {"S1": head, "S2": body, "S3": legs}, generator)
    second = class_members(fish, {"S1": fin, "S2": head, "S3": tail}, generator)
    comparison = share((bird, fish), first, second, 0.5)
    assert comparison.pairs[0] == ("S1", "S2")
    assert all(None in pair for pair in comparison.pairs[1:])
    assert comparison.sharings["S1", "S2"].value > 0.7
    assert comparison.sharings["S2", "S3"].value < 0.2
    same = share((bird, fish), second, first, 0.5)
    assert same.sharings["S2", "S1"].value == comparison.sharings["S1", "S2"].value


def test_parts_that_are_all_alike_are_not_called_shared(drawn, tmp_path):
    fish = read_contents(write_run_folder(tmp_path / "fish", World(target="painted fish")))
    bird = read_contents(drawn)
    generator = np.random.default_rng(1)
    nothing = dict.fromkeys(("S1", "S2", "S3"), np.zeros(12))
    members = [class_members(contents, nothing, generator) for contents in (bird, fish)]
    comparison = share((bird, fish), *members, 0.5)
    assert sum(None not in pair for pair in comparison.pairs) <= 1
    assert max(sharing.rival for sharing in comparison.sharings.values()) > 0.5


@pytest.mark.parametrize("least", [0.0, 1.1])
async def test_a_wrong_sharing_is_told_by_its_name(monkeypatch, least):
    for name in ("read_contents", "check_classes"):
        monkeypatch.setattr(f"visum_client.compare.classes.{name}", lambda given: given)
    order = ClassOrder(runs=(Path("one"), Path("other")), min_sharing=least)
    with pytest.raises(InvalidInputError, match="above 0 and at most 1") as caught:
        await compare_classes(None, order, Progress(visible=False))
    assert caught.value.field == "min_sharing"
