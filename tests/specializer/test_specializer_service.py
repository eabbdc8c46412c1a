import json

import grpc
import numpy as np
import pytest
import torch
from visum.v1 import common_pb2, specializer_pb2, specializer_pb2_grpc

from tests.support.errors import expect_refusal, refused_field
from tests.support.networks import SmallNetwork, export
from tests.support.pictures import encoded, noise
from tests.support.servers import connected, running
from visum_models.settings import ModelServerSettings
from visum_specializer.server import build
from visum_wire import from_array, regions_to_png, to_array

SMALL = common_pb2.ModelRef(name="small")


@pytest.fixture(scope="module")
def stub(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    export(SmallNetwork(), folder / "small.pt2")
    plain = {"resize": 32, "crop": 32, "mean": [0, 0, 0], "std": [1, 1, 1]}
    (folder / "small.json").write_text(json.dumps({"preprocessing": plain}))
    settings = ModelServerSettings(
        port=0, model_dir=str(folder), trust_model_dir=True, standard_weights=False, device="cpu"
    )
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


def test_calls_that_are_not_built_say_so(stub):
    calls = (
        lambda: stub.Train(iter([specializer_pb2.TrainRequest()])),
        lambda: stub.Predict(specializer_pb2.PredictRequest()),
        lambda: list(stub.Export(specializer_pb2.ExportRequest())),
    )
    for call in calls:
        assert "not built yet" in expect_refusal(call, grpc.StatusCode.UNIMPLEMENTED).details()
