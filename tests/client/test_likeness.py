"""How like a summary a part is: the network sees the very views again, and every summary has its own standard."""

import io

import numpy as np
import pytest
from PIL import Image
from visum.v1 import common_pb2

from tests.report.drawn_runs import World, edit_json, write_run_folder
from visum_client import RunFolderError
from visum_client.likeness.calibration import calibrate, choose, likeness, measure_reliability
from visum_client.likeness.feature_space import FeatureSpace, PartFeatures, similarities
from visum_client.likeness.members import needs_network
from visum_client.likeness.part_features import _layers, view_as_image
from visum_client.likeness.stored_features import read_descriptors
from visum_client.report.contents import read_contents
from visum_runtime.views import make_view


def features(rows: np.ndarray, mirrored: np.ndarray | None = None) -> PartFeatures:
    return PartFeatures((rows,), (rows if mirrored is None else mirrored,))


@pytest.mark.parametrize(("resize", "crop"), [(256, 224), (232, 224), (64, 64), (65, 64), (67, 64), (128, 127)])
def test_a_stored_view_is_seen_again_pixel_by_pixel(resize, crop):
    view = np.random.default_rng(0).integers(0, 256, (crop, crop, 3)).astype(np.uint8)
    preprocessing = common_pb2.Preprocessing(resize=resize, crop=crop)
    image = Image.open(io.BytesIO(view_as_image(view, preprocessing)))
    assert np.array_equal(make_view(image, preprocessing, "", 10**6).pixels, view)


def test_places_of_one_layer_do_not_overlap_and_none_is_lost():
    random = np.random.default_rng(1)
    places = []
    for x, y in random.integers(0, 20, (30, 2)):
        place = np.zeros((32, 32), bool)
        place[y : y + 8, x : x + 8] = True
        places.append(place)
    layers = _layers(places)
    assert sorted(index for layer in layers for index in layer) == list(range(30))
    assert all(np.sum([places[index] for index in layer], axis=0).max() == 1 for layer in layers)
    assert _layers(places[:1]) == [[0]]


def test_similarity_depends_neither_on_scale_nor_on_the_order_of_features():
    random = np.random.default_rng(2)
    rows = random.normal(size=(12, 6)).astype(np.float32)
    order = random.permutation(6)
    changed = (rows * random.uniform(0.5, 20, 6) + 3).astype(np.float32)[:, order]
    one, other = (FeatureSpace(features(given)).points(features(given)) for given in (rows, changed))
    assert np.allclose(similarities(one, one), similarities(other, other), atol=1e-4)
    assert np.allclose(np.diag(similarities(one, one)), 1, atol=1e-6)


def test_of_a_part_and_its_mirror_image_the_likelier_counts():
    rows = np.random.default_rng(3).normal(size=(8, 5)).astype(np.float32)
    flipped = features(rows[::-1].copy(), rows)
    space = FeatureSpace(features(rows))
    assert np.allclose(np.diag(similarities(space.points(flipped), space.points(features(rows)))), 1, atol=1e-5)


def test_likeness_is_the_mean_of_the_three_likest_in_other_images():
    similarity = np.array([[0.9, 0.8, 0.1, 0.4], [0.9, 0.8, 0.1, 0.4]])
    known = np.array([[True, True, True, True], [False, True, True, False]])
    assert likeness(similarity, known).tolist() == pytest.approx([0.7, 0.45])
    assert likeness(similarity, np.zeros_like(known)).tolist() == [-1, -1]


def test_the_score_is_the_share_of_members_that_fit_no_better():
    table = np.array([[0.1], [0.5], [0.9], [0.3]])
    (calibration,) = calibrate(table, [0, 0, 0, -1])
    assert calibration.scores(np.array([0.0, 0.1, 0.6, 0.9])).tolist() == pytest.approx([0, 1 / 3, 2 / 3, 1])
    assert calibration.scores_without(table[:3, 0]).tolist() == pytest.approx([0, 0.5, 1])


def test_a_part_goes_to_the_summary_that_it_fits_best_or_to_none():
    scores = np.array([[0.5, 0.4], [0.05, 0.0], [0.7, 0.7]])
    table = np.array([[0.1, 0.9], [0.9, 0.9], [0.2, 0.3]])
    assert choose(scores, table).tolist() == [0, -1, 1]


def test_reliability_is_perfect_for_clusters_apart_and_poor_for_noise():
    apart = np.array([[0.9, 0.1]] * 5 + [[0.1, 0.9]] * 5 + [[0.0, 0.0]] * 4)
    apart[:10] += np.random.default_rng(4).uniform(0, 0.01, (10, 2))
    first, second = measure_reliability(apart, [0] * 5 + [1] * 5 + [-1] * 4)
    assert (first.mistaken, second.mistaken) == (0, 0)
    assert (first.members, first.others) == (5, 9)
    assert first.found == second.found == 0.8  # the least typical member fits no better than none of the others
    noise = np.random.default_rng(5).uniform(size=(200, 2))
    assert measure_reliability(noise, [0] * 100 + [1] * 100)[0].mistaken > 0.3


def test_descriptors_are_read_for_the_parts_that_the_folder_names(tmp_path):
    folder = write_run_folder(tmp_path / "run", World(images=4, summaries=1))
    contents = read_contents(folder)
    parts = contents.clustering.summaries[0].members
    rows = np.arange(len(parts) * 3, dtype=np.float16).reshape(-1, 3)
    boxes = np.array([part.box for part in parts], np.int32)
    np.savez(folder / "parts.npz", part_descriptor=rows, part_box=boxes)
    assert np.array_equal(read_descriptors(contents, parts).plain[0], rows)
    assert np.array_equal(read_descriptors(contents, parts[::-1]).plain[0], rows[::-1])


@pytest.mark.parametrize(
    "arrays",
    [
        {},
        {"part_descriptor": np.zeros((4, 3), np.float16)},
        {"part_descriptor": np.zeros((4, 3), np.float16), "part_box": np.zeros((4, 4), np.int32)},
        {"part_descriptor": np.zeros((2, 3), np.float16), "part_box": np.zeros((2, 4), np.int32)},
        {"part_descriptor": np.array([{}] * 4, dtype=object), "part_box": np.zeros((4, 4), np.int32)},
    ],
)
def test_parts_that_do_not_fit_the_summaries_are_refused(tmp_path, arrays):
    folder = write_run_folder(tmp_path / "run", World(images=4, summaries=1))
    np.savez(folder / "parts.npz", **arrays)
    contents = read_contents(folder)
    with pytest.raises(RunFolderError, match=r"parts\.npz"):
        read_descriptors(contents, contents.clustering.summaries[0].members)


def test_the_network_is_asked_only_where_it_made_the_clusters(tmp_path):
    folder = write_run_folder(tmp_path / "run", World(images=4, summaries=1))
    assert not needs_network(read_contents(folder))
    edit_json(folder / "run.json", lambda run: run["configuration"].update(clustering={"preset": "consensus"}))
    assert needs_network(read_contents(folder))
