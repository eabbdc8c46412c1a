import base64
import hashlib
import json
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
import torch
from visum.v1 import common_pb2, specializer_pb2, specializer_pb2_grpc

from tests.support.errors import expect_refusal, refused_field
from tests.support.networks import SmallNetwork, export
from tests.support.pictures import encoded, noise
from tests.support.servers import connected, running
from visum_models import ModelRepository
from visum_models.networks import load_exported_program
from visum_models.repository import ModelSettings
from visum_runtime.errors import FailedPrecondition, NotFound, OutOfRange
from visum_specializer.classifier_store import ClassifierStore
from visum_specializer.export import CLASSIFIER_FILE
from visum_specializer.messages import TrainReader, digest_of
from visum_specializer.server import SpecializerSettings, build
from visum_wire import from_array, regions_from_png, regions_to_png, to_array

SMALL = common_pb2.ModelRef(name="small")


def model_settings(folder: Path, **changes: Any) -> SpecializerSettings:
    """Settings of a server of one small network."""
    export(SmallNetwork(), folder / "small.pt2")
    plain = {"resize": 32, "crop": 32, "mean": [0, 0, 0], "std": [1, 1, 1]}
    (folder / "small.json").write_text(json.dumps({"preprocessing": plain}))
    values = {"port": 0, "trust_model_dir": True, "standard_weights": False, "device": "cpu"}
    return SpecializerSettings(model_dir=str(folder), **values | changes)


@pytest.fixture(scope="module")
def stub(tmp_path_factory):
    settings = model_settings(tmp_path_factory.mktemp("models"))
    with running(build(settings), settings) as server, connected(server) as channel:
        yield specializer_pb2_grpc.SpecializerServiceStub(channel)


def embed(stub, picture, **fields):
    image = common_pb2.Image(data=encoded(picture))
    response = stub.Embed(specializer_pb2.EmbedRequest(image=image, model=SMALL, **fields))
    features = from_array(response.features, "features", np.float32, (None, None))
    return features, from_array(response.probabilities, "probabilities", np.float32, (None, 4)), response.layer


def test_features_and_softmax_are_the_networks(stub):
    picture = noise(32, 32)
    features, probabilities, layer = embed(stub, picture)
    network = SmallNetwork().eval()
    pixels = torch.from_numpy(picture).permute(2, 0, 1)[None] / 255
    with torch.no_grad():
        hidden = network.hidden(network.pool(network.features(pixels)).flatten(1))
        expected = network(pixels).softmax(1)
    assert layer == "hidden"
    np.testing.assert_allclose(features, hidden, atol=1e-5)
    np.testing.assert_allclose(probabilities, expected, atol=1e-5)


def region_request(picture, regions, model=SMALL):
    image = common_pb2.Image(data=encoded(picture))
    return specializer_pb2.DescribeRegionsRequest(image=image, model=model, regions_png=regions_to_png(regions))


def two_regions():
    regions = np.zeros((32, 32), np.uint16)
    regions[2:12, 2:12], regions[16:30, 8:30] = 1, 2
    return regions


def test_regions_are_described_by_the_networks_feature_maps(stub):
    response = stub.DescribeRegions(region_request(noise(32, 32), two_regions()))
    pooled = from_array(response.pooled, "pooled", np.float16, (2, None))
    aligned = from_array(response.aligned, "aligned", np.float16, (2, None))
    assert from_array(response.pooled_mirrored, "pooled_mirrored", np.float16, (2, None)).shape == pooled.shape
    assert from_array(response.aligned_mirrored, "aligned_mirrored", np.float16, (2, None)).shape == aligned.shape
    assert list(response.layers) == ["features"]
    assert not np.array_equal(pooled[0], pooled[1])


@pytest.mark.parametrize("regions", [np.zeros((32, 32), np.uint16), np.ones((16, 16), np.uint16)])
def test_region_maps_that_do_not_fit_are_refused(stub, regions):
    assert refused_field(lambda: stub.DescribeRegions(region_request(noise(32, 32), regions))) == "regions_png"


def test_features_that_an_answer_cannot_hold_are_refused_by_name(tmp_path):
    settings = model_settings(tmp_path, max_message_bytes=4096)
    with running(build(settings), settings) as server, connected(server) as channel:
        stub = specializer_pb2_grpc.SpecializerServiceStub(channel)
        regions = np.arange(1, 1025, dtype=np.uint16).reshape(32, 32)
        request = region_request(np.zeros((32, 32, 3), np.uint8), regions)
        assert request.ByteSize() < settings.max_message_bytes
        assert refused_field(lambda: stub.DescribeRegions(request)) == "regions_png"


def split_request(picture, regions, **options):
    image = common_pb2.Image(data=encoded(picture))
    return specializer_pb2.SplitRegionsRequest(
        image=image,
        model=SMALL,
        regions_png=regions_to_png(regions),
        options=specializer_pb2.RegionOptions(**options),
    )


def test_regions_that_are_too_large_are_split(stub):
    regions = two_regions()
    response = stub.SplitRegions(split_request(noise(32, 32), regions, max_area=0.15))
    split = regions_from_png(response.regions_png, "regions_png", (32, 32))
    boxes = from_array(response.region_boxes, "region_boxes", np.int32, (None, 4))
    assert len(boxes) == split.max() > 2
    assert ((split > 0) == (regions > 0)).all()
    assert (split[2:12, 2:12] == 1).all()
    assert boxes[0].tolist() == [2, 2, 12, 12]


def test_regions_that_cannot_be_split_are_refused(stub):
    ill_fitting = split_request(noise(32, 32), np.ones((16, 16), np.uint16))
    assert refused_field(lambda: stub.SplitRegions(ill_fitting)) == "regions_png"
    too_fine = split_request(noise(32, 32), two_regions(), max_area=0.001)
    assert refused_field(lambda: stub.SplitRegions(too_fine)) == "options.max_area"


def test_a_box_over_the_whole_view_is_the_view(stub):
    picture = noise(32, 32)
    boxes = np.array([[0, 0, 32, 32], [4, 4, 20, 12]], np.int32)
    whole, _, _ = embed(stub, picture)
    features, probabilities, _ = embed(stub, picture, boxes=to_array(boxes))
    np.testing.assert_allclose(features[0], whole[0], atol=1e-5)
    assert np.abs(features[1] - whole[0]).max() > 1e-4
    np.testing.assert_allclose(probabilities.sum(1), 1, atol=1e-5)


@pytest.mark.parametrize("boxes", [np.zeros((0, 4)), [[0, 0, 33, 5]], [[-1, 0, 3, 5]], [[5, 5, 5, 9]]])
def test_boxes_outside_the_view_are_refused(stub, boxes):
    packed = to_array(np.array(boxes, np.int32).reshape(-1, 4))
    assert refused_field(lambda: embed(stub, noise(32, 32), boxes=packed)) == "boxes"


def test_unknown_models_and_layers_are_not_found(stub):
    expect_refusal(lambda: embed(stub, noise(32, 32), layer="fc9"), grpc.StatusCode.NOT_FOUND)
    request = specializer_pb2.EmbedRequest(
        image=common_pb2.Image(data=encoded(noise(8, 8))), model=common_pb2.ModelRef(name="large")
    )
    expect_refusal(lambda: stub.Embed(request), grpc.StatusCode.NOT_FOUND)
    wrong = specializer_pb2.EmbedRequest(
        image=common_pb2.Image(data=encoded(noise(8, 8))), model=common_pb2.ModelRef(name="small", sha256="0" * 64)
    )
    expect_refusal(lambda: stub.Embed(wrong), grpc.StatusCode.FAILED_PRECONDITION)


def model_ref(stub) -> common_pb2.ModelRef:
    return stub.DescribeModel(specializer_pb2.DescribeModelRequest(model=SMALL)).card.ref


def train_requests(*, members: int = 6, seed: int = 0, order=("header", "labels", "features", "validation"), **header):
    """A training of two summaries on twelve drawn images of classes 0 and 1."""
    random = np.random.default_rng(seed)
    truth = np.repeat([0, 1], 6).astype(np.int32)
    features = (random.normal(size=(12, 6)) + truth[:, None] * 4).astype(np.float32)
    memberships = np.zeros((12, 2), np.uint8)
    memberships[:members, 0] = memberships[6:, 1] = 1
    probabilities = np.full((12, 4), 0.25, np.float32)
    columns = {"features": features, "probabilities": probabilities, "classes": truth, "memberships": memberships}
    chunk = {name: to_array(column) for name, column in columns.items()}
    labels = [specializer_pb2.SummaryLabel(class_index=i, name=f"class {i} S1") for i in range(2)]
    messages = {
        "header": specializer_pb2.TrainRequest(
            header=specializer_pb2.TrainHeader(**{"model": SMALL, "layer": "hidden"} | header)
        ),
        "labels": specializer_pb2.TrainRequest(labels=specializer_pb2.SummaryLabels(labels=labels)),
        "features": specializer_pb2.TrainRequest(features=specializer_pb2.FeaturesChunk(**chunk)),
        "validation": specializer_pb2.TrainRequest(features=specializer_pb2.FeaturesChunk(**chunk, validation=True)),
    }
    return iter([messages[name] for name in order])


@pytest.fixture(scope="module")
def trained(stub):
    return stub.Train(train_requests())


def pictures(count: int = 3) -> list[common_pb2.Image]:
    return [common_pb2.Image(data=encoded(noise(32, 32, seed))) for seed in range(count)]


def by_digest(sha256: str) -> specializer_pb2.ClassifierRef:
    return specializer_pb2.ClassifierRef(sha256=sha256)


def test_a_card_says_which_layer_gives_the_features(stub):
    card = stub.DescribeModel(specializer_pb2.DescribeModelRequest(model=SMALL)).card
    assert card.feature_layer == "hidden"
    assert len(card.ref.sha256) == 64


def test_training_is_pure_and_answers_the_classifier_itself(stub, trained):
    again = stub.Train(train_requests())
    assert again.classifier == trained.classifier
    assert again.sha256 == trained.sha256
    assert trained.classifier.model == model_ref(stub)
    assert trained.sha256 == hashlib.sha256(trained.classifier.SerializeToString(deterministic=True)).hexdigest()
    assert trained.overall.images == trained.target_classes.images == 12
    assert trained.overall.after > trained.overall.before


@pytest.mark.parametrize(
    ("order", "field"),
    [
        ((), "content"),
        (("header",), "content"),
        (("labels", "header"), "content"),
        (("header", "header"), "content"),
        (("header", "features"), "content"),
        (("header", "labels"), "features"),
        (("header", "labels", "validation"), "features"),
    ],
)
def test_a_stream_out_of_order_is_refused(stub, order, field):
    assert refused_field(lambda: stub.Train(train_requests(order=order))) == field


def test_trainings_that_cannot_be_are_refused(stub):
    assert refused_field(lambda: stub.Train(train_requests(layer=""))) == "header.layer"
    assert refused_field(lambda: stub.Train(train_requests(c_values=[-1.0]))) == "header.c_values"
    assert refused_field(lambda: stub.Train(train_requests(combination=9))) == "header.combination"
    error = expect_refusal(lambda: stub.Train(train_requests(members=1)), grpc.StatusCode.FAILED_PRECONDITION)
    assert "summary 'class 0 S1' has 1 of the training images" in error.details()
    no_validation = train_requests(order=("header", "labels", "features"))
    expect_refusal(lambda: stub.Train(no_validation), grpc.StatusCode.FAILED_PRECONDITION)
    other = common_pb2.ModelRef(name="small", sha256="0" * 64)
    expect_refusal(lambda: stub.Train(train_requests(model=other)), grpc.StatusCode.FAILED_PRECONDITION)


def test_an_unknown_classifier_is_not_found_until_it_is_sent_along(stub, trained):
    changed = specializer_pb2.Classifier.FromString(trained.classifier.SerializeToString())
    changed.weight = 0.123
    digest = hashlib.sha256(changed.SerializeToString(deterministic=True)).hexdigest()
    request = specializer_pb2.PredictRequest(images=pictures(), classifier=by_digest(digest))
    expect_refusal(lambda: stub.Predict(request), grpc.StatusCode.NOT_FOUND)
    along = specializer_pb2.ClassifierRef(classifier=changed)
    answer = stub.Predict(specializer_pb2.PredictRequest(images=pictures(), classifier=along))
    assert stub.Predict(request) == answer


def test_predictions_say_before_after_and_the_summary(stub, trained):
    request = specializer_pb2.PredictRequest(images=pictures(), classifier=by_digest(trained.sha256))
    answer = stub.Predict(request)
    before = from_array(answer.before, "before", np.float32, (3, 4))
    after = from_array(answer.after, "after", np.float32, (3, 4))
    np.testing.assert_allclose(after.sum(axis=1), 1, atol=1e-5)
    for row, image in enumerate(pictures()):
        embedded = stub.Embed(specializer_pb2.EmbedRequest(image=image, model=SMALL))
        expected = from_array(embedded.probabilities, "probabilities", np.float32, (1, 4))
        np.testing.assert_allclose(before[row], expected[0], atol=1e-5)
        prediction = answer.predictions[row]
        assert prediction.before.index == before[row].argmax()
        assert prediction.after.index == after[row].argmax()
        assert prediction.summary in ((-1,) if prediction.after.index > 1 else (prediction.after.index,))


def test_predictions_without_images_or_classifier_are_refused(stub, trained):
    no_images = specializer_pb2.PredictRequest(classifier=by_digest(trained.sha256))
    assert refused_field(lambda: stub.Predict(no_images)) == "images"
    assert refused_field(lambda: stub.Predict(specializer_pb2.PredictRequest(images=pictures()))) == "classifier"
    ref = specializer_pb2.ClassifierRef(classifier=specializer_pb2.Classifier(model=SMALL))
    request = specializer_pb2.PredictRequest(images=pictures(), classifier=ref)
    assert refused_field(lambda: stub.Predict(request)) == "classifier.model.sha256"


def test_the_exported_file_scores_as_the_service_does(stub, trained, tmp_path):
    pieces = list(stub.Export(specializer_pb2.ExportRequest(classifier=by_digest(trained.sha256))))
    data, card = b"".join(piece.data for piece in pieces[:-1]), pieces[-1].card
    assert card.ref.sha256 == hashlib.sha256(data).hexdigest()
    (tmp_path / "specialized.pt2").write_bytes(data)
    network = load_exported_program(tmp_path / "specialized.pt2").module()
    request = specializer_pb2.PredictRequest(images=pictures(), classifier=by_digest(trained.sha256))
    after = from_array(stub.Predict(request).after, "after", np.float32, (3, 4))
    batch = torch.stack([torch.from_numpy(noise(32, 32, seed)).permute(2, 0, 1) / 255 for seed in range(3)])
    np.testing.assert_allclose(network(batch).softmax(dim=1), after, atol=1e-5)
    with zipfile.ZipFile(tmp_path / "specialized.pt2") as archive:
        (name,) = [name for name in archive.namelist() if name.endswith(CLASSIFIER_FILE)]
        assert base64.b64decode(archive.read(name)) == trained.classifier.SerializeToString(deterministic=True)


def test_the_exported_file_is_a_network_that_services_read_and_a_tampered_one_is_refused(stub, trained, tmp_path):
    pieces = list(stub.Export(specializer_pb2.ExportRequest(classifier=by_digest(trained.sha256))))
    data, card = b"".join(piece.data for piece in pieces[:-1]), pieces[-1].card
    path = tmp_path / "specialized.pt2"
    path.write_bytes(data)
    plain = {"resize": 32, "crop": 32, "mean": [0, 0, 0], "std": [1, 1, 1]}
    content = {"sha256": card.ref.sha256, "feature_layer": card.feature_layer, "preprocessing": plain}
    path.with_suffix(".json").write_text(json.dumps(content))
    trusted = ModelSettings(tmp_path, trusted_sha256=frozenset({card.ref.sha256}), standard_weights=False)
    assert ModelRepository(trusted).load("specialized").card.feature_layer == "head.svms"
    with pytest.raises(FailedPrecondition, match="is not trusted"):
        ModelRepository(ModelSettings(tmp_path, standard_weights=False)).load("specialized")
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(FailedPrecondition, match="is not trusted"):
        ModelRepository(trusted).load("specialized")


def test_an_export_and_the_calls_beside_it_do_not_disturb_each_other(tmp_path, trained):
    settings = model_settings(tmp_path, threads=2)
    along = specializer_pb2.ExportRequest(classifier=specializer_pb2.ClassifierRef(classifier=trained.classifier))
    request = specializer_pb2.EmbedRequest(image=pictures(1)[0], model=SMALL)
    with running(build(settings), settings) as server, connected(server) as channel:
        two_threads = specializer_pb2_grpc.SpecializerServiceStub(channel)
        before = two_threads.Embed(request)
        with ThreadPoolExecutor(1) as pool:
            exporting = pool.submit(lambda: list(two_threads.Export(along)))
            answers = [two_threads.Embed(request)]
            while not exporting.done():
                answers.append(two_threads.Embed(request))
        card = exporting.result()[-1].card
    assert card.feature_layer == "head.svms"
    assert {answer.features.data for answer in answers} == {before.features.data}


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_server_on_a_gpu_exports_an_exported_program(tmp_path, trained):
    settings = model_settings(tmp_path, device="cuda")
    along = specializer_pb2.ExportRequest(classifier=specializer_pb2.ClassifierRef(classifier=trained.classifier))
    with running(build(settings), settings) as server, connected(server) as channel:
        assert list(specializer_pb2_grpc.SpecializerServiceStub(channel).Export(along))[-1].card.ref.sha256


def test_exports_of_nothing_or_to_nowhere_are_refused(stub, trained):
    unknown = specializer_pb2.ExportRequest(classifier=by_digest("0" * 64))
    expect_refusal(lambda: list(stub.Export(unknown)), grpc.StatusCode.NOT_FOUND)
    nowhere = specializer_pb2.ExportRequest(classifier=by_digest(trained.sha256), format=7)
    assert refused_field(lambda: list(stub.Export(nowhere))) == "format"


def test_more_features_than_a_server_takes_are_out_of_range():
    reader = TrainReader(max_bytes=100)
    header, labels, features = (message for message, _ in zip(train_requests(), range(3), strict=False))
    reader.add(header)
    reader.add(labels)
    with pytest.raises(OutOfRange, match="more than 100 bytes"):
        reader.add(features)


def test_the_store_forgets_what_was_used_longest_ago():
    store = ClassifierStore(max_bytes=1)
    first, second = (specializer_pb2.Classifier(layer=layer) for layer in ("a", "b"))
    store.keep(first)
    digest = store.keep(second)
    assert store.find(by_digest(digest)) == second
    with pytest.raises(NotFound):
        store.find(by_digest(digest_of(first)))
