"""Runs for other tools, read back by pycocotools, by what FiftyOne's importer asks for, and by Label Studio's SDK."""

import csv
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO

from tests.conftest import ROOT, required
from tests.report.drawn_runs import World, draw_bird, edit_json, write_run_folder
from visum_client import InvalidInputError, Run, RunFolderError
from visum_client.cli import main
from visum_client.export.coco import run_lengths
from visum_client.export.labelstudio import LOCAL_FILES, brush
from visum_client.export.placed_parts import Frame, moved
from visum_client.files import file_digest
from visum_client.records import ViewToOriginal

_FIFTYONE = ROOT / ".venv-fiftyone" / "bin" / "python"
_IMPORT = """
import json, sys
from fiftyone.utils.coco import COCODetectionDatasetImporter
with COCODetectionDatasetImporter(dataset_dir=sys.argv[1], label_types="segmentations") as importer:
    found = [
        [path, one.label, one.confidence, int(one.mask.sum())]
        for path, metadata, label in importer
        for one in (label.detections if label else ())
    ]
print("FOUND" + json.dumps(found))
"""
_LABEL_STUDIO = ROOT / ".venv-labelstudio" / "bin" / "python"
_VALIDATE = """
import json, sys
from label_studio_sdk.converter.brush import decode_rle
from label_studio_sdk.label_interface import LabelInterface
tasks, interface = json.load(open(sys.argv[1])), LabelInterface(open(sys.argv[2]).read())
areas = [
    int(decode_rle(entry["value"]["rle"]).reshape(-1, 4)[:, 3].astype(bool).sum())
    for task in tasks for entry in task["predictions"][0]["result"] if entry["type"] == "brushlabels"
]
valid = [interface.validate_task({"data": task["data"]}) for task in tasks]
valid += [interface.validate_prediction(task["predictions"][0]) for task in tasks]
print("FOUND" + json.dumps([areas, valid]))
"""


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Originals of 320 x 240 pixels, of which the view shows the left upper 192 x 192, each as 96 x 96."""
    return Run.load(write_run_folder(tmp_path / "run", World()))


@pytest.fixture
def originals(run: Run, tmp_path: Path) -> Path:
    """Originals whose digests the run tells; the second is stored lying, with an EXIF orientation."""
    folder = tmp_path / "originals"
    folder.mkdir()
    used = [image for image in run.images if image.status == "used"]
    renamed = {}
    for number, image in enumerate(used):
        path = folder / f"{number}.png"
        picture = Image.new("RGB", (320, 240), (number, 0, 0))
        exif = Image.Exif()
        if number == 1:
            picture, exif[0x0112] = picture.transpose(Image.Transpose.ROTATE_90), 6
        picture.save(path, exif=exif)
        renamed[image.digest] = file_digest(path)
    for file in [run.folder.images, run.folder.summaries]:
        text = file.read_text()
        for old, new in renamed.items():
            text = text.replace(old, new)
        file.write_text(text)
    for old, new in renamed.items():
        run.folder.mask(old, "regions").rename(run.folder.mask(new, "regions"))
    return folder


def test_pycocotools_reads_masks_boxes_and_scores_in_pixels_of_the_originals(run, tmp_path):
    coco = COCO(run.export("coco", tmp_path / "coco.json"))
    assert [category["name"] for category in coco.loadCats(coco.getCatIds())] == [s.id for s in run.summaries]
    assert len(coco.getImgIds()) == 8
    assert len(coco.getAnnIds()) == sum(len(summary.members) for summary in run.summaries)
    for seed, image in enumerate(coco.loadImgs(coco.getImgIds())):
        assert (image["width"], image["height"]) == (320, 240)
        bird = draw_bird(seed, 96, 0.0)
        for annotation in coco.loadAnns(coco.getAnnIds(image["id"])):
            (x0, y0, x1, y1), region = bird.boxes[annotation["category_id"] - 1]
            in_view = np.zeros((96, 96), bool)
            in_view[y0:y1, x0:x1] = bird.regions[y0:y1, x0:x1] == region
            expected = np.zeros((240, 320), bool)
            expected[:192, :192] = in_view.repeat(2, axis=0).repeat(2, axis=1)
            mask = coco.annToMask(annotation).astype(bool)
            np.testing.assert_array_equal(mask, expected)
            x, y, width, height = annotation["bbox"]
            assert mask[y : y + height, x : x + width].sum() == annotation["area"] == mask.sum()
            assert mask[y].any()
            assert mask[:, x + width - 1].any()
            summary = run.summaries[annotation["category_id"] - 1]
            assert annotation["score"] == summary.members[annotation["rank"]].drop


def test_a_part_beyond_the_border_is_cut_and_one_outside_is_left_out():
    pixels = np.ones((4, 4), bool)
    assert moved(pixels, Frame(3, 3, ViewToOriginal(1, 1, -2, 0))).tolist() == [[True, True, False]] * 3
    assert not moved(pixels, Frame(3, 3, ViewToOriginal(1, 1, 5, 0))).any()
    assert moved(np.array([[True, False]]), Frame(4, 1, ViewToOriginal(1.5, 1, 0.5, 0))).tolist() == [
        [True, True, False, False]
    ]


@pytest.mark.parametrize(
    ("rows", "counts"),
    [([[0, 0], [0, 0]], [4]), ([[1, 1], [1, 1]], [0, 4]), ([[1, 0], [0, 1]], [0, 1, 2, 1]), ([[0, 1]], [1, 1])],
)
def test_run_lengths_go_by_columns_and_begin_with_false_pixels(rows, counts):
    assert run_lengths(np.array(rows, bool)) == {"size": list(np.shape(rows)), "counts": counts}


def test_a_fiftyone_folder_has_the_layout_of_its_coco_importer(run, tmp_path):
    folder = run.export("fiftyone", tmp_path / "set")
    labels = json.loads((folder / "labels.json").read_text())
    assert sorted(entry["file_name"] for entry in labels["images"]) == sorted(
        file.name for file in (folder / "data").iterdir()
    )
    assert all(set(entry["file_name"]) <= set("-_.") | set(map(chr, range(48, 123))) for entry in labels["images"])
    for entry in labels["images"]:
        with Image.open(folder / "data" / entry["file_name"]) as view:
            assert view.size == (entry["width"], entry["height"]) == (96, 96)
    with pytest.raises(InvalidInputError, match="is there already"):
        run.export("fiftyone", folder)


def test_originals_are_found_by_their_digests_and_stored_upright(run, originals, tmp_path):
    (originals / "0.png").rename(originals / "renamed.png")
    folder = Run.load(run.path).export("fiftyone", tmp_path / "set", originals)
    labels = json.loads((folder / "labels.json").read_text())
    for number, entry in enumerate(labels["images"]):
        with Image.open(folder / "data" / entry["file_name"]) as image:
            assert image.size == (entry["width"], entry["height"]) == (320, 240)
            assert image.getpixel((0, 0)) == (number, 0, 0)
            assert image.getexif().get(0x0112, 1) == 1
    (originals / "3.png").unlink()
    with pytest.raises(InvalidInputError, match=r"images: there is no birds/a+\.jpg with the digest"):
        Run.load(run.path).export("fiftyone", tmp_path / "other", originals)
    assert not (tmp_path / "other").exists()


def found_by(python: Path, name: str, *words: str | Path) -> Any:
    """What a program prints after FOUND in an environment of its own."""
    if not python.is_file():
        assert not required(name), f"make test-long prepares .venv-{name}"
        pytest.skip(f"{name} is not installed: make .venv-{name}/ready")
    done = subprocess.run([python, "-c", *words], capture_output=True, text=True, timeout=280, check=False)
    assert "FOUND" in done.stdout, done.stderr
    return json.loads(done.stdout.split("FOUND")[1])


@pytest.mark.long
def test_the_importer_of_fiftyone_reads_the_folder(run, tmp_path):
    """FiftyOne's own importer, without the database that its datasets live in."""
    folder = run.export("fiftyone", tmp_path / "set")
    found = sorted(found_by(_FIFTYONE, "fiftyone", _IMPORT, folder))
    labels = json.loads((folder / "labels.json").read_text())
    files = {image["id"]: str(folder / "data" / image["file_name"]) for image in labels["images"]}
    assert found == sorted(
        [files[entry["image_id"]], f"S{entry['category_id']}", entry["score"], entry["area"]]
        for entry in labels["annotations"]
    )
    assert len(found) == sum(len(summary.members) for summary in run.summaries)


def bits_read(stream: list[int]) -> Iterator[int]:
    """The words of a stream in the format of rle-pack."""
    bits, place = "".join(f"{byte:08b}" for byte in stream), 0

    def read(width: int) -> int:
        nonlocal place
        place += width
        return int(bits[place - width : place], 2)

    left, word = read(32), read(5) + 1
    widths = [read(4) + 1 for _ in range(4)]
    while left:
        repeated, count = read(1), read(widths[read(2)]) + 1
        left -= count
        yield from [read(word)] * count if repeated else (read(word) for _ in range(count))


@pytest.mark.parametrize("shape", [(5, 7), (1, 1), (150, 150)])
def test_a_brush_mask_is_a_stream_of_runs_of_red_green_blue_and_opacity(shape):
    for mask in (np.zeros(shape, bool), np.ones(shape, bool), np.random.default_rng(0).random(shape) > 0.5):
        words = np.array(list(bits_read(brush(mask)))).reshape(*shape, 4)
        assert (words == 255 * mask[..., None]).all()


def test_tasks_of_label_studio_have_a_mask_and_a_box_a_part(run, tmp_path):
    tasks = json.loads(run.export("labelstudio", tmp_path / "tasks.json").read_text())
    coco = json.loads(run.export("coco", tmp_path / "coco.json").read_text())
    assert [task["data"]["path"] for task in tasks] == [image["file_name"] for image in coco["images"]]
    assert tasks[0]["data"]["image"] == LOCAL_FILES + quote(coco["images"][0]["file_name"])
    results = [entry for task in tasks for entry in task["predictions"][0]["result"]]
    for mask, box, part in zip(results[::2], results[1::2], coco["annotations"], strict=True):
        label = f"S{part['category_id']}"
        assert (mask["value"]["brushlabels"], box["value"]["rectanglelabels"]) == ([label], [label])
        assert (mask["original_width"], mask["original_height"]) == (320, 240)
        assert mask["score"] == box["score"] == part["score"]
        x, y, width, height = (box["value"][name] for name in ("x", "y", "width", "height"))
        assert [x * 3.2, y * 2.4, width * 3.2, height * 2.4] == pytest.approx(part["bbox"])
    words = np.array(list(bits_read(results[0]["value"]["rle"]))).reshape(240, 320, 4)
    assert (words[..., 3] > 0).sum() == coco["annotations"][0]["area"]


@pytest.mark.long
def test_label_studio_takes_the_tasks(run, tmp_path):
    """Label Studio's own checks of tasks and predictions, and its own reader of brush masks."""
    tasks = run.export("labelstudio", tmp_path / "tasks.json")
    page = (ROOT / "docs" / "export.md").read_text()
    (tmp_path / "labels.xml").write_text(page.split("```xml\n")[1].split("```")[0])
    areas, valid = found_by(_LABEL_STUDIO, "labelstudio", _VALIDATE, tasks, tmp_path / "labels.xml")
    coco = json.loads(run.export("coco", tmp_path / "coco.json").read_text())
    assert areas == [part["area"] for part in coco["annotations"]]
    assert all(valid)


def test_a_table_has_a_row_a_part_with_its_box_in_the_original(run, tmp_path):
    with run.export("csv", tmp_path / "parts.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == sum(len(summary.members) for summary in run.summaries)
    exemplar = run.summaries[0].exemplar
    assert rows[0]["summary"] == "S1"
    assert [int(rows[0][f"view_{name}"]) for name in ("x0", "y0", "x1", "y1")] == list(exemplar.box)
    assert [float(rows[0][name]) for name in ("x0", "y0", "x1", "y1")] == [2.0 * edge for edge in exemplar.box]
    assert float(rows[0]["drop"]) == exemplar.drop
    assert rows[0]["placed_log_odds"] == ""


def test_the_command_names_its_file_after_the_run_and_says_what_it_holds(run, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    for kind, name in {
        "coco": "run.coco.json",
        "fiftyone": "run.fiftyone",
        "csv": "run.csv",
        "labelstudio": "run.labelstudio.json",
    }.items():
        assert main(["export", str(run.path), "--format", kind, "--json"]) == 0
        printed = json.loads(capsys.readouterr().out)
        assert printed == {"out": name, "format": kind, "images": 8, "summaries": 3, "parts": 21}
        assert (tmp_path / name).exists()
    assert main(["export", str(run.path), "--format", "csv"]) == 0
    assert capsys.readouterr().out == "run.csv: 21 parts of 3 summaries in 8 images\n"
    assert main(["export", str(run.path), "--format", "csv", "--out", "none/run.csv"]) == 2
    assert main(["export", str(run.path), "--format", "coco", "--images", "originals"]) == 1


def test_what_cannot_be_exported_is_named(run, tmp_path):
    with pytest.raises(InvalidInputError, match="format: is 'voc', must be one of coco, fiftyone, csv, labelstudio"):
        run.export("voc")
    edit_json(run.folder.images, lambda content: content["images"][0].update(original_size=None))
    with pytest.raises(RunFolderError, match="does not tell the size"):
        Run.load(run.path).export("coco", tmp_path / "coco.json")
    with pytest.raises(RunFolderError, match="does not tell the size"):
        Run.load(run.path).export("csv", tmp_path / "parts.csv")
    run.folder.summaries.unlink()
    with pytest.raises(RunFolderError, match="cannot be read"):
        Run.load(run.path).export("fiftyone", tmp_path / "set")
    assert not (tmp_path / "coco.json").exists()
