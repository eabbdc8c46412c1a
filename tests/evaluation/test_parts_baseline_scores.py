"""Concepts of baselines are held against the planted truth, and regions are read from where a run left them."""

import dataclasses
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from visum_client import Run
from visum_client.records import ImageRecord, Mask, ViewToOriginal
from visum_demo import load_world, render
from visum_demo.shipped import load_causal_figures
from visum_evaluation.parts.baselines.concepts import Concept, ExplainedClass, Member
from visum_evaluation.parts.baselines.judgement import load_observable, read_regions, score_concepts
from visum_wire import regions_to_png

FILES = ["tunny-0.png", "tunny-1.png", "tunny-2.png", "tunny-3.png"]


@pytest.fixture(scope="module")
def renderings():
    return [render(load_world("dev").scene("tunny", 7_000_000 + number)) for number in range(len(FILES))]


def test_concepts_that_are_the_planted_parts_are_perfect(renderings):
    figures = load_causal_figures("dev")["tunny"]
    explained = ExplainedClass(load_observable("dev"), 0, np.stack([drawn.image for drawn in renderings]))
    causal = [figure.part for figure in figures if figure.verdict == "causal"]
    concepts = [
        Concept([Member(image, drawn.part_masks[part]) for image, drawn in enumerate(renderings)]) for part in causal
    ]
    score = score_concepts(concepts, explained, renderings, figures, seed=0)
    assert (score.part_f1, score.purity, score.recall, score.summaries) == (1, 1, 1, len(causal))
    assert score.drop_effect_rho is not None


def test_regions_are_read_in_the_order_of_the_files(tmp_path: Path):
    regions = np.zeros((2, 128, 128), np.uint16)
    regions[0, :4, :8], regions[1, 50:60, 7:9], regions[1, 0, 0] = 1, 1, 2
    (tmp_path / "masks").mkdir()
    records = [image_record(f"images/{FILES[3]}", None)]
    for name, numbers in ((FILES[2], regions[0]), (FILES[0], regions[1])):
        records.append(image_record(f"images/{name}", hashlib.sha256(name.encode()).hexdigest()))
        (tmp_path / "masks" / f"{records[-1]['digest']}.regions.png").write_bytes(regions_to_png(numbers))
    (tmp_path / "run.json").write_text(json.dumps({"format": 1}))
    (tmp_path / "images.json").write_text(json.dumps({"images": records}))
    expected = [regions[1], np.zeros((128, 128)), regions[0], np.zeros((128, 128))]
    np.testing.assert_array_equal(read_regions(Run(tmp_path), FILES), expected)


def image_record(path: str, digest: str | None) -> dict:
    mask = Mask(0.1, 0.9, 0.9, 0.9, ((0, 0, 9, 9),), 10, True) if digest else None
    record = ImageRecord(digest, path, "used", view_to_original=ViewToOriginal(1, 1, 0, 0), mask=mask)
    return dataclasses.asdict(record)
