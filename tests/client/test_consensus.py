"""A class run with the preset consensus: regions are the parts, and the network's own features group them."""

from collections.abc import Iterator

import numpy as np
import pytest

from visum_client import Client, ClusteringOptions, InvalidInputError, MaskOptions, Run
from visum_demo.shipped import IMAGES, load_truth, model_path

COUNT = 6


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with Client.local() as client:
        yield client


@pytest.fixture(scope="module")
def run(client: Client, tmp_path_factory: pytest.TempPathFactory) -> Run:
    truth = load_truth()
    return client.summarize(
        model=model_path(truth.world),
        target=truth.class_name,
        images=IMAGES,
        limit=COUNT,
        out=tmp_path_factory.mktemp("consensus") / "run",
        mask=MaskOptions(iterations=40, grid=16, target_drop=0.9, min_region_area=0.002),
        clustering=ClusteringOptions(preset="consensus", min_images=2),
        progress=False,
    )


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
