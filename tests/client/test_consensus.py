"""A class run with the preset consensus: regions are the parts, and the network's own features group them."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from visum_client import Client, ClusteringOptions, InvalidInputError, MaskOptions, Run
from visum_client.likeness.calibration import MIN_SCORE
from visum_demo import load_world, render
from visum_demo.shipped import IMAGES, load_truth, model_path

COUNT = 6
OTHER_CLASS = "turaco"
NETWORK = model_path(load_truth().world)


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with Client.local() as client:
        yield client


def summarize(client: Client, target: str, images: Path, out: Path) -> Run:
    return client.summarize(
        model=NETWORK,
        target=target,
        images=images,
        limit=COUNT,
        out=out,
        mask=MaskOptions(iterations=40, grid=16, target_drop=0.9, min_region_area=0.002),
        clustering=ClusteringOptions(preset="consensus", min_images=2),
        progress=False,
    )


@pytest.fixture(scope="module")
def run(client: Client, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return summarize(client, load_truth().class_name, IMAGES, tmp_path_factory.mktemp("consensus") / "run")


def test_the_parts_are_the_regions_of_the_masks(run: Run) -> None:
    with np.load(run.path / "parts.npz") as parts:
        assert len(parts["part_box"]) == sum(len(set(image.mask.regions)) for image in run.images if image.mask)


def test_nothing_is_matched(run: Run) -> None:
    assert run.stages["matching"]["total"] == 0
    assert {stage["status"] for stage in run.stages.values()} == {"complete"}


def test_summaries_have_one_part_of_an_image_and_a_drop(run: Run) -> None:
    assert run.summaries
    for summary in run.summaries:
        assert len({member.image for member in summary.members}) == len(summary.members) >= 2
        assert summary.drop is not None


def test_the_run_names_the_service_that_gave_the_features(run: Run) -> None:
    assert "specializer" in run.versions["services"]


def test_the_regions_of_a_run_are_described_and_clustered_alone(client: Client, run: Run) -> None:
    parts = client.describe(run, images=IMAGES)
    assert client.cluster(parts).summaries == run.summaries
    with pytest.raises(InvalidInputError, match="are not matched"):
        client.match(parts)


def test_new_images_are_scored_by_what_the_network_sees_in_their_regions(client: Client, run: Run) -> None:
    files = sorted(IMAGES.iterdir())
    scores = client.score(run, [files[0], files[COUNT]], model=NETWORK, progress=False)
    assert list(scores.reliability) == [summary.id for summary in run.summaries]
    for image in scores.images:
        assert image.status == "scored"
        assert [entry.summary for entry in image.summaries] == [summary.id for summary in run.summaries]
        assert all(entry.score >= MIN_SCORE for entry in image.summaries if entry.is_shown)
    known, new = scores.images
    assert {entry.box for entry in known.summaries} <= set(run.images[0].mask.regions)
    assert client.score(run, files[COUNT], model=NETWORK, progress=False).images == (new,)


def test_two_classes_are_compared_by_what_the_network_sees(client: Client, run: Run, tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    world = load_world(load_truth().world)
    for seed in range(COUNT):
        Image.fromarray(render(world.scene(OTHER_CLASS, seed=seed)).image).save(tmp_path / "images" / f"{seed}.png")
    other = summarize(client, OTHER_CLASS, tmp_path / "images", tmp_path / "run")
    found = client.compare_classes(run.path, other.path, model=NETWORK, progress=False)
    assert set(found.sharings) == {(one.id, two.id) for one in run.summaries for two in other.summaries}
    named = [{pair[side] for pair in found.pairs} - {None} for side in (0, 1)]
    assert named == [{summary.id for summary in of.summaries} for of in (run, other)]
    back = client.compare_classes(other.path, run.path, model=NETWORK, progress=False)
    for (one, two), sharing in found.sharings.items():
        assert back.sharings[two, one].value == pytest.approx(sharing.value)
