import asyncio
import json
from concurrent.futures import ThreadPoolExecutor

import grpc
import numpy as np
import pytest
from visum.v1 import common_pb2, mask_pb2, mask_pb2_grpc

from tests.support.errors import expect_refusal, refused_field
from tests.support.networks import DetailInWindow, SmallNetwork, export
from tests.support.pictures import chessboard, encoded, noise
from tests.support.servers import connected, running
from visum_mask.server import MaskServerSettings, build
from visum_wire import from_array, mask_from_png, mask_to_png, regions_from_png, saliency_from_png

QUICK = mask_pb2.MaskOptions(iterations=30, grid=16)
WINDOW = common_pb2.ModelRef(name="window")
SMALL = common_pb2.ModelRef(name="small")


@pytest.fixture(scope="module")
def model_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    plain = {"resize": 32, "crop": 32, "mean": [0, 0, 0], "std": [1, 1, 1]}
    for name, network, classes in (
        ("window", DetailInWindow((8, 8, 16, 16)), ["flat", "detailed"]),
        ("small", SmallNetwork(), ["a", "b", "c", "d"]),
    ):
        export(network, folder / f"{name}.pt2")
        (folder / f"{name}.json").write_text(json.dumps({"preprocessing": plain, "classes": classes}))
    return folder


def settings_for(model_dir, **options) -> MaskServerSettings:
    return MaskServerSettings(
        port=0, model_dir=str(model_dir), trust_model_dir=True, standard_weights=False, device="cpu", **options
    )


@pytest.fixture(scope="module")
def stub(model_dir):
    settings = settings_for(model_dir, threads=2)
    with running(build(settings), settings) as server, connected(server) as channel:
        yield mask_pb2_grpc.MaskServiceStub(channel)


def extract(stub, picture=None, model=WINDOW, target=1, options=QUICK, **fields):
    data = encoded(chessboard(32) if picture is None else picture)
    request = mask_pb2.ExtractMaskRequest(
        image=common_pb2.Image(data=data), model=model, target=target, options=options, **fields
    )
    return stub.ExtractMask(request)


def test_a_mask_covers_what_the_network_looks_at_and_its_parts_agree(stub):
    response = extract(stub)
    mask = response.mask
    binary = mask_from_png(mask.binary_png, "binary", (32, 32))
    assert response.recognized
    assert response.target.name == response.top[0].name == "detailed"
    assert binary[8:16, 8:16].mean() > 0.7
    assert mask.area == pytest.approx(binary.mean())
    np.testing.assert_array_equal(saliency_from_png(mask.raw_png, "raw") > 0.5, binary)
    regions = regions_from_png(mask.regions_png, "regions", (32, 32))
    assert ((regions > 0) <= binary).all()
    boxes = from_array(mask.region_boxes, "boxes", np.int32, (None, 4))
    rows, columns = np.nonzero(regions == 1)
    assert boxes[0].tolist() == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    assert mask.drop_binary > 0.99
    assert mask.iterations == 30
    assert response.timing.compute_seconds > 0
    assert response.view.jpeg.startswith(b"\xff\xd8")


@pytest.mark.parametrize(
    "options",
    [
        mask_pb2.MaskOptions(preset=mask_pb2.MaskOptions.PRESET_EVIDENCE, iterations=60, grid=16),
        mask_pb2.MaskOptions(mode=mask_pb2.MaskOptions.MODE_IEBB_THRESH, iterations=30, grid=16),
    ],
)
def test_preset_evidence_and_mode_iebb_thresh_are_answered(stub, options):
    response = extract(stub, options=options)
    binary = mask_from_png(response.mask.binary_png, "binary", (32, 32))
    assert binary[8:16, 8:16].mean() > 0.6
    assert response.mask.drop_binary > 0.9


def test_whether_the_target_is_reached_is_said_of_the_binary_mask(stub):
    assert extract(stub).mask.target_reached
    flat = np.full((32, 32, 3), 128, np.uint8)
    assert not extract(stub, flat, admit_unrecognized=True).mask.target_reached


def test_an_image_that_is_not_recognized_has_scores_but_no_mask_unless_admitted(stub):
    flat = np.full((32, 32, 3), 128, np.uint8)
    response = extract(stub, flat)
    assert not response.recognized
    assert not response.HasField("mask")
    assert response.top[0].name == "flat"
    assert extract(stub, flat, admit_unrecognized=True).HasField("mask")


@pytest.mark.parametrize("company", [1, 3, 8])
def test_on_a_deterministic_server_masks_do_not_depend_on_company(stub, company):
    with ThreadPoolExecutor(company) as pool:
        pictures = [noise(32, 32, seed) for seed in range(company)]
        responses = list(pool.map(lambda p: extract(stub, p, SMALL, 0, admit_unrecognized=True), pictures))
    alone = extract(stub, pictures[0], SMALL, 0, admit_unrecognized=True)
    assert responses[0].mask == alone.mask


def test_a_batching_server_gives_the_same_masks_up_to_rounding(stub, model_dir):
    settings = settings_for(model_dir, deterministic="off", max_batch=4, linger_seconds=5)
    pictures = [noise(32, 32, seed) for seed in range(4)]
    with running(build(settings), settings) as server, connected(server) as channel:
        batching = mask_pb2_grpc.MaskServiceStub(channel)
        with ThreadPoolExecutor(4) as pool:
            responses = list(pool.map(lambda p: extract(batching, p, admit_unrecognized=True), pictures))
    for picture, response in zip(pictures, responses, strict=True):
        alone = extract(stub, picture, admit_unrecognized=True)
        ours, theirs = (saliency_from_png(r.mask.raw_png, "raw") for r in (response, alone))
        assert np.abs(ours - theirs).mean() < 0.02


def test_drops_are_measured_for_each_mask(stub):
    masks = [np.zeros((32, 32), bool), np.ones((32, 32), bool)]
    window = np.zeros((32, 32), bool)
    window[6:18, 6:18] = True
    request = mask_pb2.MeasureDropsRequest(
        image=common_pb2.Image(data=encoded(chessboard(32))),
        model=WINDOW,
        target=1,
        masks_png=[mask_to_png(mask) for mask in (*masks, window)],
    )
    response = stub.MeasureDrops(request)
    after = from_array(response.perturbed_probabilities, "p", np.float64, (3,))
    assert after[0] == pytest.approx(response.probability, abs=1e-6)
    assert after[1] < 1e-3
    assert after[2] == pytest.approx(after[1], rel=0.5)
    odds = from_array(response.perturbed_log_odds, "o", np.float64, (3,))
    np.testing.assert_allclose(1 / (1 + np.exp(-odds)), after, rtol=1e-6)


def test_no_masks_are_measured_as_none(stub):
    request = mask_pb2.MeasureDropsRequest(image=common_pb2.Image(data=encoded(chessboard(32))), model=WINDOW, target=1)
    assert list(stub.MeasureDrops(request).perturbed_probabilities.shape) == [0]


def test_models_are_listed(stub):
    models = stub.ListModels(mask_pb2.ListModelsRequest()).models
    assert [model.ref.name for model in models] == ["small", "window"]
    (model,) = stub.ListModels(mask_pb2.ListModelsRequest(sha256=models[0].ref.sha256)).models
    assert list(model.classes) == ["a", "b", "c", "d"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"target": 2}, "target"),
        ({"target": -1}, "target"),
        ({"model": common_pb2.ModelRef()}, "model.name"),
        ({"model": common_pb2.ModelRef(name="window", sha256="ABC")}, "model.sha256"),
        ({"options": mask_pb2.MaskOptions(iterations=1)}, "options.iterations"),
        ({"options": mask_pb2.MaskOptions(grid=1000)}, "options.grid"),
        ({"options": mask_pb2.MaskOptions(blur_sigma=float("inf"))}, "options.blur_sigma"),
        ({"options": mask_pb2.MaskOptions(blur_sigma=1e-50)}, "options.blur_sigma"),
        ({"model": common_pb2.ModelRef(name="x" * 9000)}, "model.name"),
        ({"options": mask_pb2.MaskOptions(target_drop=float("nan"))}, "options.target_drop"),
        ({"options": mask_pb2.MaskOptions(min_region_area=2)}, "options.min_region_area"),
        ({"options": mask_pb2.MaskOptions(mode=17)}, "options.mode"),
        ({"options": mask_pb2.MaskOptions(perturbation=17)}, "options.perturbation"),
    ],
)
def test_what_is_out_of_range_is_refused_by_field(stub, change, field):
    assert refused_field(lambda: extract(stub, **change)) == field


def test_a_digest_in_the_wrong_form_is_refused(stub):
    assert refused_field(lambda: stub.ListModels(mask_pb2.ListModelsRequest(sha256="zz"))) == "sha256"


def test_drop_requests_out_of_range_are_refused_by_field(stub):
    def measure(**fields):
        image = common_pb2.Image(data=encoded(chessboard(32)))
        return stub.MeasureDrops(mask_pb2.MeasureDropsRequest(image=image, model=WINDOW, target=1, **fields))

    small = mask_to_png(np.ones((3, 3), bool))
    assert refused_field(lambda: measure(masks_png=[mask_to_png(np.ones((32, 32), bool)), small])) == "masks_png[1]"
    assert refused_field(lambda: measure(blur_sigma=-1.0)) == "blur_sigma"
    assert refused_field(lambda: measure(perturbation=9)) == "perturbation"
    assert refused_field(lambda: measure(masks_png=[small] * 1025)) == "masks_png"


def test_damaged_images_and_unknown_models_have_their_codes(stub):
    image = common_pb2.Image(data=b"text")
    request = mask_pb2.ExtractMaskRequest(image=image, model=WINDOW, target=1)
    assert refused_field(lambda: stub.ExtractMask(request)) == "image.data"
    unknown = common_pb2.ModelRef(name="wind0w")
    expect_refusal(lambda: extract(stub, model=unknown), grpc.StatusCode.NOT_FOUND)
    other = common_pb2.ModelRef(name="window", sha256="0" * 64)
    expect_refusal(lambda: extract(stub, model=other), grpc.StatusCode.FAILED_PRECONDITION)


def test_an_expired_call_stops_its_optimization_and_leaves_the_server_free(model_dir):
    settings = settings_for(model_dir)
    with running(build(settings), settings) as server, connected(server) as channel:
        stub = mask_pb2_grpc.MaskServiceStub(channel)
        extract(stub)
        endless = mask_pb2.MaskOptions(iterations=10000, grid=16)
        image = common_pb2.Image(data=encoded(chessboard(32)))
        request = mask_pb2.ExtractMaskRequest(image=image, model=WINDOW, target=1, options=endless)
        expect_refusal(lambda: stub.ExtractMask(request, timeout=0.5), grpc.StatusCode.DEADLINE_EXCEEDED)
        assert extract(stub).timing.queued_seconds < 5


def test_calls_of_different_options_do_not_share_a_batch(model_dir):
    settings = settings_for(model_dir, deterministic="off", max_batch=8, linger_seconds=0.5)

    async def both(port):
        async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
            stub = mask_pb2_grpc.MaskServiceStub(channel)
            image = common_pb2.Image(data=encoded(chessboard(32)))
            calls = [
                stub.ExtractMask(
                    mask_pb2.ExtractMaskRequest(
                        image=image, model=WINDOW, target=1, options=mask_pb2.MaskOptions(iterations=n, grid=16)
                    )
                )
                for n in (20, 40)
            ]
            return [response.mask.iterations for response in await asyncio.gather(*calls)]

    with running(build(settings), settings) as server:
        assert asyncio.run(both(server.port)) == [20, 40]
