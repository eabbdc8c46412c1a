"""Tags of a tagger within summaries and within random sets (paper, section 4.2)."""

import json
from pathlib import Path

import numpy as np
import pytest

from tests.report.drawn_runs import World, write_run_folder
from visum_client import Run
from visum_client.cli import main
from visum_client.errors import InvalidInputError
from visum_client.files import file_digest
from visum_client.records import Part
from visum_demo.shipped import model_path
from visum_evaluation.coherency.semantics import measure_semantics
from visum_evaluation.coherency.tagged_runs import LEAST_CROP_PX, crop
from visum_evaluation.coherency.taggers import FileTagger, Picture
from visum_evaluation.coherency.wordnet import WordNet

DEBIAN = Path("/usr/share/wordnet")
INDEX = """\
  1 This software and database is being provided to you, the LICENSEE
automobile n 1 5 @ ~ %p + - 1 1 02958343
car n 3 6 @ ~ #m #p %p - 5 2 02958343 02959942 02960501
goose n 1 2 @ ~ 1 0 01855672
bus n 1 1 @ 1 0 02924116
fire_engine n 1 1 @ 1 0 03345487
"""


@pytest.fixture
def wordnet(tmp_path):
    (tmp_path / "index.noun").write_text(INDEX)
    (tmp_path / "noun.exc").write_text("geese goose\n")
    return WordNet.read(tmp_path)


def picture(path):
    return Picture(path, np.zeros((8, 8, 3), np.uint8))


def two_kinds(count=6):
    """Images of two kinds that share no tag."""
    return {f"{kind}{number}": frozenset({kind, "thing"}) for kind in "ab" for number in range(count)}


def test_images_of_one_kind_are_nearer_than_random_ones():
    tags = two_kinds()
    found = measure_semantics({"S1": [key for key in tags if key[0] == "a"], "S2": ["b0", "b1", "b2"]}, tags)
    assert found.summaries == {"S1": 0.0, "S2": 0.0}
    assert found.mu_s == 0.0
    figures = found.figures()
    assert figures["mu_r_low"] <= figures["mu_r"] <= figures["mu_r_high"]
    assert figures["mu_r"] == pytest.approx(2 / 3 * 6 / 11, abs=0.02)  # 6 of 11 others are of the other kind
    assert figures["p_value"] < 0.01


def test_summaries_that_mix_kinds_as_chance_does_are_not_distinguished():
    tags = two_kinds()
    mixed = {"S1": ["a0", "a1", "b0", "b1"], "S2": ["a2", "a3", "b2", "b3"]}
    assert measure_semantics(mixed, tags).figures()["p_value"] > 0.2


def test_p_values_under_the_null_are_uniform():
    generator = np.random.default_rng(0)
    tags = two_kinds(10)
    keys = sorted(tags)
    values = [
        measure_semantics({"S1": list(generator.choice(keys, 5, replace=False))}, tags, samples=99).figures()["p_value"]
        for _ in range(100)
    ]
    assert np.mean(np.array(values) <= 0.05) <= 0.1


def test_images_without_tags_take_no_part():
    tags = two_kinds() | {"c0": frozenset()}
    with_stranger = measure_semantics({"S1": ["a0", "a1", "c0"]}, tags)
    assert with_stranger.figures() == measure_semantics({"S1": ["a0", "a1"]}, two_kinds()).figures()
    assert measure_semantics({"S1": ["a0", "c0"]}, tags) is None


def test_a_summary_of_everything_is_held_against_nothing():
    assert measure_semantics({"S1": sorted(two_kinds())}, two_kinds()) is None


def test_synonyms_and_plurals_are_one_synset(wordnet):
    assert wordnet.fused("car") == wordnet.fused("automobile") == wordnet.fused("Cars") == "02958343"
    assert wordnet.fused("geese") == wordnet.fused("goose")
    assert wordnet.fused("buses") == wordnet.fused("bus")
    assert wordnet.fused("fire engine") == "03345487"
    assert wordnet.fused("blorp") == "blorp"


@pytest.mark.skipif(not (DEBIAN / "index.noun").exists(), reason="the package wordnet-base is not installed")
def test_the_database_of_debian_is_read():
    wordnet = WordNet.read(DEBIAN)
    assert wordnet.fused("car") == wordnet.fused("automobile") == wordnet.fused("autos")
    assert wordnet.fused("muzzles") == wordnet.fused("muzzle") != wordnet.fused("beak")
    assert len(wordnet.senses) > 100_000


def test_a_folder_without_a_database_is_named(tmp_path):
    with pytest.raises(InvalidInputError, match=str(tmp_path)):
        WordNet.read(tmp_path)


def test_a_file_name_that_several_images_have_tells_nothing(tmp_path):
    path = tmp_path / "tags.csv"
    path.write_text("birds/1.jpg,beak\nboats/1.jpg,mast\nboats/2.jpg,sail\n")
    tagger = FileTagger.read(path, None)
    assert tagger.tags(picture("elsewhere/1.jpg")) == frozenset()
    assert tagger.tags(picture("birds/1.jpg")) == {"beak"}
    assert tagger.tags(picture("elsewhere/2.jpg")) == {"sail"}


@pytest.mark.parametrize("suffix", ["csv", "json"])
def test_tags_of_a_file_are_found_by_file_name(tmp_path, wordnet, suffix):
    path = tmp_path / f"tags.{suffix}"
    rows = [("birds/1.jpg", "Car"), ("birds/1.jpg", "beak"), ("2.jpg", "automobile")]
    by_image = {"birds/1.jpg": ["Car", "beak"], "2.jpg": ["automobile"]}
    path.write_text(json.dumps(by_image) if suffix == "json" else "".join(f"{a},{b}\n" for a, b in rows))
    fused, plain = FileTagger.read(path, wordnet), FileTagger.read(path, None)
    assert (fused.fusing, plain.fusing) == ("wordnet", "lemmas")
    assert fused.tags(picture("elsewhere/1.jpg")) & fused.tags(picture("2.jpg")) == {"02958343"}
    assert not plain.tags(picture("1.jpg")) & plain.tags(picture("2.jpg"))
    assert fused.tags(picture("3.jpg")) == frozenset()


def test_of_files_of_one_name_the_path_decides(tmp_path):
    path = tmp_path / "tags.json"
    path.write_text(json.dumps({"a/1.jpg": ["beak"], "b/1.jpg": ["wing"]}))
    tagger = FileTagger.read(path, None)
    assert [tagger.tags(picture(name)) for name in ("a/1.jpg", "b/1.jpg")] == [{"beak"}, {"wing"}]


def test_the_first_eight_tags_of_an_image_count(tmp_path):
    path = tmp_path / "tags.json"
    path.write_text(json.dumps({"1.jpg": [f"tag{number}" for number in range(12)]}))
    assert FileTagger.read(path, None).tags(picture("1.jpg")) == {f"tag{number}" for number in range(8)}


@pytest.mark.parametrize("content", ["[1]", '{"a.jpg": "dog"}', '{"a.jpg": [1]}', "{"])
def test_a_file_that_holds_no_tags_is_named(tmp_path, content):
    path = tmp_path / "tags.json"
    path.write_text(content)
    with pytest.raises(InvalidInputError, match=str(path)):
        FileTagger.read(path, None)


@pytest.mark.parametrize("box", [(0, 0, 5, 5), (90, 90, 100, 100), (10, 20, 80, 40), (0, 0, 100, 100)])
def test_a_crop_is_a_square_of_the_view_around_the_part(box):
    view = np.random.default_rng(0).integers(0, 255, (100, 100, 3), dtype=np.uint8)
    part = Part("digest", "1.jpg", 0, box, 1, 0.0)
    found = crop(view, part)
    side = max(box[2] - box[0], box[3] - box[1], LEAST_CROP_PX)
    assert found.shape == (side, side, 3)
    x0, y0, x1, y1 = box
    assert found.tobytes().find(view[y0, x0:x1].tobytes()) >= 0
    assert found.tobytes().find(view[y1 - 1, x0:x1].tobytes()) >= 0


@pytest.mark.parametrize(
    ("words", "field"),
    [
        (["--runs", "x"], "tagger"),
        (["--runs", "x", "--tagger", "a", "--tag-file", "b"], "tagger"),
        (["--runs", "x", "--tag-file", "b", "--on", "parts"], "on"),
        (["--runs", "x", "--tagger", "a", "--wordnet", "b"], "wordnet"),
    ],
)
def test_flags_that_do_not_fit_are_named(capsys, words, field):
    assert main(["evaluate", "coherency", *words]) == 1
    assert field in capsys.readouterr().err


def coherency_of(capsys, *words):
    assert main(["evaluate", "coherency", "--json", *map(str, words)]) == 0
    return json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("kind", ["images", "parts"])
def test_another_network_tags_the_images_and_parts_of_a_run(tmp_path, capsys, kind):
    run = write_run_folder(tmp_path / "run", World())
    result = coherency_of(capsys, "--runs", run, "--tagger", model_path("dev"), "--on", kind)
    assert (result["on"], result["fusing"]) == (kind, "synsets")
    (found,) = result["classes"]
    assert set(found["summaries"]) == {summary.id for summary in Run.load(run).summaries}
    assert found["mu_s"] == pytest.approx(np.mean(list(found["summaries"].values())))
    assert found["mu_s"] == result["mean"]["mu_s"]


def test_a_file_that_knows_the_summaries_brings_the_distance_to_zero(tmp_path, capsys):
    folder = write_run_folder(tmp_path / "run", World())
    run = Run.load(folder)
    members = {part.image for part in run.summaries[0].members}
    tags = {image.path: [["one"], [f"other {image.digest}"]][image.digest not in members] for image in run.images}
    (tmp_path / "tags.json").write_text(json.dumps(tags))
    result = coherency_of(capsys, "--runs", folder, "--tag-file", tmp_path / "tags.json")
    assert result["classes"][0]["summaries"][run.summaries[0].id] == 0.0
    assert main(["evaluate", "coherency", "--runs", str(folder), "--tag-file", str(tmp_path / "tags.json")]) == 0
    assert "mu_S" in capsys.readouterr().out


def test_the_explained_network_is_no_tagger(tmp_path, capsys):
    folder = write_run_folder(tmp_path / "run", World())
    content = json.loads((folder / "run.json").read_text())
    content["configuration"]["model"]["sha256"] = file_digest(model_path("dev"))
    (folder / "run.json").write_text(json.dumps(content))
    assert main(["evaluate", "coherency", "--runs", str(folder), "--tagger", str(model_path("dev"))]) == 1
    assert "another" in capsys.readouterr().err
