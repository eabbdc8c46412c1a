"""Stages on their own: from memory, from a run folder, and the same as a whole run."""

import inspect
import json
import pickle
import shutil

import numpy as np
import pytest

from tests.client.conftest import IMAGES, OPTIONS
from visum_client import AsyncClient, Client, ClusteringOptions, InvalidInputError, LocalSettings, Run, VisumError
from visum_client.commands.run import parse_options
from visum_client.run_masks import masks_of

STEPS = parse_options(list(OPTIONS))


@pytest.fixture(scope="module")
def client(services):
    with Client.connect(services.addresses) as client:
        yield client


@pytest.fixture(scope="module")
def run(client, network, pictures, tmp_path_factory) -> Run:
    """A complete run without its work."""
    out = tmp_path_factory.mktemp("whole") / "run"
    return client.summarize(model=network, target="striped", images=pictures, out=out, progress=False, **STEPS)


@pytest.fixture(scope="module")
def masks(client, network, pictures):
    return client.masks(model=network, target="striped", images=pictures, mask=STEPS["mask"])


@pytest.fixture(scope="module")
def parts(client, masks):
    return client.describe(masks, describe=STEPS["describe"])


@pytest.fixture(scope="module")
def matches(client, parts):
    return client.match(parts)


def test_masks_alone_are_those_of_a_run(masks, run):
    assert [image.record for image in masks.images] == list(run.images)
    for image in masks.images:
        assert image.binary.mean() == pytest.approx(image.record.mask.area)
        assert image.regions.max() == len(image.record.mask.regions)
        assert image.extracted.view_jpeg == run.folder.view(image.record.digest).read_bytes()


def test_stages_one_after_the_other_are_a_run(client, matches, run):
    clusters = client.cluster(matches, clustering=STEPS["clustering"])
    assert clusters.summaries == run.summaries
    assert clusters.discarded == run.discarded


def test_stages_take_the_results_of_a_run_folder(client, run, parts, matches, pictures):
    described = client.describe(run, images=pictures)
    with np.load(run.path / "parts.npz") as arrays:
        np.testing.assert_array_equal(described.table.boxes, arrays["part_box"])
        np.testing.assert_array_equal(described.descriptors(), arrays["part_descriptor"])
    matched = client.match(str(run.path), images=pictures)
    for found, expected in zip(matched.edges(), matches.edges(), strict=True):
        np.testing.assert_array_equal(found, expected)
    assert client.cluster(run.path, images=pictures).summaries == run.summaries


def test_options_that_a_later_version_added_are_left_out(run, pictures, tmp_path):
    folder = shutil.copytree(run.path, tmp_path / "newer")
    content = json.loads((folder / "run.json").read_text())
    content["configuration"]["mask"]["of_a_later_version"] = 1
    del content["configuration"]["match"]["mirror"]
    (folder / "run.json").write_text(json.dumps(content))
    assert masks_of(Run.load(folder), pictures).subject.options == masks_of(run, pictures).subject.options


def test_what_a_folder_has_kept_is_not_asked_for_again(client, services, run, network, pictures, tmp_path):
    out = tmp_path / "kept"
    kept = client.summarize(
        model=network, target="striped", images=pictures, out=out, progress=False, keep_work=True, **STEPS
    )
    methods = ("ExtractMask", "Describe", "SelectSurvivors", "Match", "Summarize", "MeasureDrops")
    before = [services.calls(method) for method in methods]
    assert client.cluster(kept, images=pictures).summaries == run.summaries
    assert [services.calls(method) for method in methods] == before
    fewer = client.cluster(kept, images=pictures, clustering=ClusteringOptions(min_images=6, ssim_rule="off"))
    after = [services.calls(method) for method in methods]
    assert after[:4] == before[:4]
    assert after[4] == before[4] + 1
    assert all(summary.images >= 6 for summary in fewer.summaries)


def test_parts_of_one_preset_are_not_clustered_by_another(client, parts, matches):
    with pytest.raises(InvalidInputError, match="have to be matched first"):
        client.cluster(parts)
    with pytest.raises(InvalidInputError, match=r"clustering\.preset: is consensus, but the parts were described for"):
        client.cluster(matches, clustering=ClusteringOptions(preset="consensus"))


def test_missing_photographs_are_said_with_what_to_do(client, run, pictures, tmp_path):
    with pytest.raises(InvalidInputError, match=r"as pictures/0\.png; say where the photographs of the run are"):
        client.describe(run)
    shutil.copytree(pictures, tmp_path / "fewer")
    (tmp_path / "fewer" / "3.png").unlink()
    with pytest.raises(InvalidInputError, match=rf"1 of {IMAGES} images .* as pictures/3\.png"):
        client.describe(run, images=tmp_path / "fewer")


def test_results_can_be_pickled(client, run, masks, parts, matches):
    for result in (run, masks, parts, matches, run.summaries, run.images[0].mask, run.summaries[0].exemplar):
        again = pickle.loads(pickle.dumps(result))
        assert type(again) is type(result)
    again = pickle.loads(pickle.dumps(matches))
    assert client.cluster(again, clustering=STEPS["clustering"]).summaries == run.summaries
    assert pickle.loads(pickle.dumps(run)).summaries == run.summaries


def test_a_pickled_client_is_another_of_the_same_services(client, services):
    again = pickle.loads(pickle.dumps(client))
    assert again.models() == client.models()
    again.close()
    assert client.models()
    with pytest.raises(VisumError, match="the client is closed"):
        pickle.dumps(again)


def test_a_pickled_local_client_starts_services_of_its_own_with_the_same_settings():
    settings = LocalSettings(threads=1, show_logs=True)
    with Client.local(settings) as client, pickle.loads(pickle.dumps(client)) as again:
        first, second = (one._calls._services.backend for one in (client, again))
        assert first._settings == second._settings == settings
        assert first._models.path != second._models.path


async def test_the_same_calls_in_an_event_loop(services, network, pictures, run):
    async with AsyncClient.connect(services.addresses) as client:
        masks = await client.masks(model=network, target="striped", images=pictures, mask=STEPS["mask"])
        matches = await client.match(await client.describe(masks, describe=STEPS["describe"]))
        clusters = await client.cluster(matches, clustering=STEPS["clustering"])
        assert clusters.summaries == run.summaries
        assert [card.ref.name for card in await client.models()] == ["stripes"]
        assert (await client.model(network)).feature_layer == "classifier"
    with pytest.raises(VisumError, match="the client is closed"):
        await client.models()


def test_both_clients_have_the_same_calls():
    asynchronous, waiting = (
        {name: getattr(kind, name) for name in dir(kind) if not name.startswith("_")} for kind in (AsyncClient, Client)
    )
    assert set(asynchronous) == set(waiting)
    for name, method in asynchronous.items():
        if inspect.iscoroutinefunction(method):
            assert inspect.signature(method).parameters.keys() == inspect.signature(waiting[name]).parameters.keys()
