"""Every call of the proposal service and every error that it lists, against a real server."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import cv2
import grpc
import numpy as np
import pytest
from numpy.typing import NDArray
from visum.v1 import common_pb2, info_pb2, info_pb2_grpc, proposal_pb2, proposal_pb2_grpc

from tests.support.errors import refused_field
from tests.support.pictures import encoded, noise
from tests.support.servers import connected, running
from visum_proposals.boxes import areas, as_boxes
from visum_proposals.described_image import DescribedImage
from visum_proposals.descriptions import describe_survivors, describe_view
from visum_proposals.proposal_flow import MatchOptions, Method, match_tile
from visum_proposals.selective_search import ProposalOptions
from visum_proposals.server import build
from visum_proposals.survivors import SurvivorOptions
from visum_proposals.whitening import Whitening
from visum_runtime.settings import ServerSettings
from visum_wire import from_array, regions_to_png, to_array

SIDE = 64
SETTINGS = ServerSettings(port=0, threads=2, drain_seconds=5, max_message_bytes=1 << 20)
PREPROCESSING = common_pb2.Preprocessing(resize=SIDE, crop=SIDE)
VIEW = np.kron(noise(8, 8, 5), np.ones((8, 8, 1), np.uint8))
IMAGE = common_pb2.Image(data=encoded(VIEW))
REGIONS = np.zeros((SIDE, SIDE), dtype=np.int32)
REGIONS[8:40, 8:56] = 1
REGIONS[48:60, 4:30] = 2


@pytest.fixture(scope="module")
def channel() -> Iterator[grpc.Channel]:
    with running(build(SETTINGS), SETTINGS) as server, connected(server) as open_channel:
        yield open_channel


@pytest.fixture(scope="module")
def stub(channel: grpc.Channel) -> proposal_pb2_grpc.ProposalServiceStub:
    return proposal_pb2_grpc.ProposalServiceStub(channel)


@pytest.fixture(scope="module")
def whitening() -> Whitening:
    return Whitening.load()


@pytest.fixture(scope="module")
def described(stub: proposal_pb2_grpc.ProposalServiceStub) -> proposal_pb2.DescribeResponse:
    return stub.Describe(describe_request())


def describe_request(**options: float) -> proposal_pb2.DescribeRequest:
    return proposal_pb2.DescribeRequest(
        image=IMAGE, preprocessing=PREPROCESSING, options=proposal_pb2.DescribeOptions(**options)
    )


def survivors_request(boxes: common_pb2.Array, **options: float) -> proposal_pb2.SelectSurvivorsRequest:
    return proposal_pb2.SelectSurvivorsRequest(
        image=IMAGE,
        preprocessing=PREPROCESSING,
        boxes=boxes,
        regions_png=regions_to_png(REGIONS),
        options=proposal_pb2.SurvivorOptions(**options),
    )


def random_image(seed: int, count: int = 12, survivors: int = 4) -> DescribedImage:
    generator = np.random.default_rng(seed)
    starts = generator.integers(0, 150, (count, 2))
    boxes = as_boxes(np.hstack([starts, starts + generator.integers(10, 74, (count, 2))]))
    descriptors = generator.normal(size=(count, 8)).astype(np.float16)
    return DescribedImage(boxes, descriptors, np.arange(survivors, dtype=np.int32), 224)


def match_image(image: DescribedImage) -> proposal_pb2.MatchImage:
    return proposal_pb2.MatchImage(
        boxes=to_array(image.boxes),
        descriptors=to_array(image.descriptors),
        survivors=to_array(image.survivors),
        view_side=image.view_side,
    )


def match_request(rows: int = 2, columns: int = 0, **options: Any) -> proposal_pb2.MatchRequest:
    return proposal_pb2.MatchRequest(
        rows=[match_image(random_image(seed)) for seed in range(rows)],
        columns=[match_image(random_image(100 + seed)) for seed in range(columns)],
        options=proposal_pb2.MatchOptions(**options),
    )


def array(message: common_pb2.Array, dtype: type, *shape: int | None) -> NDArray:
    return from_array(message, "answer", dtype, shape)


def test_describe_answers_what_the_algorithms_give(
    described: proposal_pb2.DescribeResponse, whitening: Whitening
) -> None:
    expected = describe_view(VIEW, described.image_sha256, ProposalOptions(), whitening)
    assert len(expected.boxes) > 5
    np.testing.assert_array_equal(array(described.description.boxes, np.int32, None, 4), expected.boxes)
    np.testing.assert_array_equal(array(described.description.descriptors, np.float16, None, 256), expected.descriptors)
    assert described.timing.compute_seconds > 0


def test_describe_is_the_same_in_many_calls_at_a_time(
    stub: proposal_pb2_grpc.ProposalServiceStub, described: proposal_pb2.DescribeResponse
) -> None:
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(stub.Describe, [describe_request()] * 4))
    assert all(answer.description == described.description for answer in answers)


def test_describe_takes_its_options(
    stub: proposal_pb2_grpc.ProposalServiceStub, described: proposal_pb2.DescribeResponse
) -> None:
    boxes = array(described.description.boxes, np.int32, None, 4)
    few = array(stub.Describe(describe_request(max_boxes=3)).description.boxes, np.int32, None, 4)
    np.testing.assert_array_equal(few, boxes[:3])
    answer = stub.Describe(describe_request(min_side=70, keep_border_boxes=True, max_boxes=5000))
    large = array(answer.description.boxes, np.int32, None, 4)
    assert (large[:, 2:] - large[:, :2]).min() >= 70 * SIDE / 224
    assert len(large) > 0


def test_select_survivors_answers_what_the_algorithms_give(
    stub: proposal_pb2_grpc.ProposalServiceStub, described: proposal_pb2.DescribeResponse, whitening: Whitening
) -> None:
    boxes = array(described.description.boxes, np.int32, None, 4)
    answer = stub.SelectSurvivors(survivors_request(described.description.boxes))
    expected = describe_survivors(VIEW, boxes, REGIONS, SurvivorOptions(), whitening)
    count = len(expected.survivors.boxes)
    assert count > 2
    np.testing.assert_array_equal(array(answer.boxes, np.int32, count, 4), expected.survivors.boxes)
    np.testing.assert_array_equal(array(answer.proposals, np.int32, count), expected.survivors.proposals)
    np.testing.assert_array_equal(array(answer.regions, np.int32, count), expected.survivors.regions)
    np.testing.assert_array_equal(array(answer.descriptors, np.float16, count, 256), expected.descriptors)
    np.testing.assert_array_equal(array(answer.thumbnails, np.uint8, count, 64, 64), expected.thumbnails)


def test_a_surviving_proposal_keeps_the_descriptor_that_describe_gave(
    stub: proposal_pb2_grpc.ProposalServiceStub, described: proposal_pb2.DescribeResponse
) -> None:
    answer = stub.SelectSurvivors(survivors_request(described.description.boxes))
    proposals = array(answer.proposals, np.int32, None)
    given = array(described.description.descriptors, np.float16, None, 256)[proposals[proposals >= 0]]
    np.testing.assert_array_equal(array(answer.descriptors, np.float16, None, 256)[proposals >= 0], given)
    assert len(given) > 0


def test_select_survivors_takes_its_options(stub: proposal_pb2_grpc.ProposalServiceStub) -> None:
    boxes = to_array(as_boxes([[8, 8, 56, 44], [10, 10, 20, 20]]))
    strict = stub.SelectSurvivors(survivors_request(boxes, min_inside=0.95, add_region_boxes=False))
    assert array(strict.proposals, np.int32, None).tolist() == [1]
    dilated = stub.SelectSurvivors(survivors_request(boxes, min_inside=0.95, add_region_boxes=False, dilation=14))
    assert array(dilated.proposals, np.int32, None).tolist() == [0, 1]
    first = stub.SelectSurvivors(survivors_request(boxes, max_survivors=1))
    assert array(first.boxes, np.int32, None, 4).tolist() == [[8, 8, 56, 40]]


@pytest.mark.parametrize(
    ("number", "method"),
    [
        (proposal_pb2.MatchOptions.METHOD_UNSPECIFIED, Method.LOM),
        (proposal_pb2.MatchOptions.METHOD_LOM, Method.LOM),
        (proposal_pb2.MatchOptions.METHOD_PHM, Method.PHM),
        (proposal_pb2.MatchOptions.METHOD_NAM, Method.NAM),
    ],
)
@pytest.mark.parametrize("columns", [0, 2])
def test_match_answers_what_the_algorithms_give(
    stub: proposal_pb2_grpc.ProposalServiceStub, number: int, method: Method, columns: int
) -> None:
    answer = stub.Match(match_request(3, columns, method=number, min_score=0.01))
    row_images = [random_image(seed) for seed in range(3)]
    column_images = [random_image(100 + seed) for seed in range(columns)] or None
    expected = match_tile(row_images, column_images, MatchOptions(method, min_score=0.01))
    assert [(pair.row, pair.column) for pair in answer.pairs] == [(pair.row, pair.column) for pair in expected]
    for pair, known in zip(answer.pairs, expected, strict=True):
        np.testing.assert_array_equal(array(pair.scores, np.float32, 4, 4), known.scores)
        assert not pair.mirrored


def test_a_described_image_finds_its_boxes_in_itself(
    stub: proposal_pb2_grpc.ProposalServiceStub, described: proposal_pb2.DescribeResponse
) -> None:
    boxes = array(described.description.boxes, np.int32, None, 4)
    everything = to_array(np.arange(len(boxes), dtype=np.int32))
    image = proposal_pb2.MatchImage(
        boxes=described.description.boxes,
        descriptors=described.description.descriptors,
        survivors=everything,
        view_side=SIDE,
    )
    (pair,) = stub.Match(proposal_pb2.MatchRequest(rows=[image], columns=[image])).pairs
    scores = array(pair.scores, np.float32, len(boxes), len(boxes))
    assert intersection_over_union(boxes, boxes[scores.argmax(axis=1)]).mean() > 0.7
    assert intersection_over_union(boxes, np.roll(boxes, 1, axis=0)).mean() < 0.3


def intersection_over_union(boxes: NDArray, others: NDArray) -> NDArray:
    """Of each box with its partner."""
    shared = (np.minimum(boxes[:, 2:], others[:, 2:]) - np.maximum(boxes[:, :2], others[:, :2])).clip(0).prod(axis=1)
    return shared / (areas(boxes) + areas(others) - shared)


def changed_image(**arrays: Any) -> proposal_pb2.MatchRequest:
    """Two images, the second of which has other fields."""
    request = match_request(2)
    for name, value in arrays.items():
        if isinstance(value, int):
            setattr(request.rows[1], name, value)
        else:
            getattr(request.rows[1], name).CopyFrom(to_array(value))
    return request


EMPTY_BOX = as_boxes([[0, 0, 9, 9]] * 11 + [[5, 5, 5, 9]])


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (describe_request(max_boxes=0), "options.max_boxes"),
        (describe_request(max_boxes=5001), "options.max_boxes"),
        (describe_request(min_side=0), "options.min_side"),
        (proposal_pb2.DescribeRequest(preprocessing=PREPROCESSING), "image.data"),
        (proposal_pb2.DescribeRequest(image=common_pb2.Image(data=b"text"), preprocessing=PREPROCESSING), "image.data"),
        (proposal_pb2.DescribeRequest(image=IMAGE), "preprocessing.resize"),
    ],
)
def test_describe_refuses_by_field(
    stub: proposal_pb2_grpc.ProposalServiceStub, request_: proposal_pb2.DescribeRequest, field: str
) -> None:
    assert refused_field(lambda: stub.Describe(request_)) == field


SOME_BOXES = to_array(as_boxes([[0, 0, 9, 9]]))


def without_regions() -> proposal_pb2.SelectSurvivorsRequest:
    request = survivors_request(SOME_BOXES)
    request.regions_png = b""
    return request


def with_regions_of_another_size() -> proposal_pb2.SelectSurvivorsRequest:
    request = survivors_request(SOME_BOXES)
    request.regions_png = regions_to_png(np.zeros((SIDE, SIDE + 1), np.int32))
    return request


@pytest.mark.parametrize(
    ("make_request", "field"),
    [
        (lambda: survivors_request(SOME_BOXES, min_inside=1.5), "options.min_inside"),
        (lambda: survivors_request(SOME_BOXES, dilation=-1), "options.dilation"),
        (lambda: survivors_request(SOME_BOXES, max_survivors=0), "options.max_survivors"),
        (lambda: survivors_request(common_pb2.Array()), "boxes.dtype"),
        (lambda: survivors_request(to_array(np.zeros((2, 3), np.int32))), "boxes.shape"),
        (lambda: survivors_request(to_array(as_boxes([[0, 0, 9, SIDE + 1]]))), "boxes"),
        (lambda: survivors_request(to_array(as_boxes([[-1, 0, 9, 9]]))), "boxes"),
        (lambda: survivors_request(to_array(as_boxes([[9, 0, 9, 9]]))), "boxes"),
        (lambda: survivors_request(to_array(as_boxes([[0, 0, 9, 9]] * 5001))), "boxes"),
        (without_regions, "regions_png"),
        (with_regions_of_another_size, "regions_png"),
    ],
)
def test_select_survivors_refuses_by_field(
    stub: proposal_pb2_grpc.ProposalServiceStub,
    make_request: Callable[[], proposal_pb2.SelectSurvivorsRequest],
    field: str,
) -> None:
    assert refused_field(lambda: stub.SelectSurvivors(make_request())) == field


@pytest.mark.parametrize(
    ("make_request", "field"),
    [
        (lambda: match_request(0), "rows"),
        (lambda: match_request(min_score=-1), "options.min_score"),
        (lambda: match_request(method=9), "options.method"),
        (lambda: changed_image(boxes=np.zeros((12, 3), np.int32)), "rows[1].boxes.shape"),
        (lambda: changed_image(boxes=EMPTY_BOX), "rows[1].boxes"),
        (lambda: changed_image(boxes=as_boxes([[0, 0, 1, 1]] * 6001)), "rows[1].boxes"),
        (lambda: changed_image(descriptors=np.zeros((12, 8), np.float32)), "rows[1].descriptors.dtype"),
        (lambda: changed_image(descriptors=np.zeros((12, 9), np.float16)), "rows[1].descriptors.shape"),
        (lambda: changed_image(descriptors=np.zeros((11, 8), np.float16)), "rows[1].descriptors.shape"),
        (lambda: changed_image(descriptors=np.full((12, 8), np.nan, np.float16)), "rows[1].descriptors.data"),
        (lambda: changed_image(survivors=np.array([12], np.int32)), "rows[1].survivors"),
        (lambda: changed_image(survivors=np.zeros(2, np.int32)), "rows[1].survivors"),
        (lambda: changed_image(survivors=np.zeros(13, np.int32)), "rows[1].survivors"),
        (lambda: changed_image(view_side=0), "rows[1].view_side"),
    ],
)
def test_match_refuses_by_field(
    stub: proposal_pb2_grpc.ProposalServiceStub,
    make_request: Callable[[], proposal_pb2.MatchRequest],
    field: str,
) -> None:
    assert refused_field(lambda: stub.Match(make_request())) == field


def test_match_refuses_a_tile_whose_answer_would_be_too_large(stub: proposal_pb2_grpc.ProposalServiceStub) -> None:
    image = match_image(random_image(0, 400, 400))
    assert refused_field(lambda: stub.Match(proposal_pb2.MatchRequest(rows=[image] * 4))) == "rows"
    assert len(stub.Match(proposal_pb2.MatchRequest(rows=[image] * 2)).pairs) == 1


def test_match_refuses_a_tile_of_too_many_comparisons(
    stub: proposal_pb2_grpc.ProposalServiceStub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("visum_proposals.servicer.MAX_COMPARISONS", 3 * 12 * 12)
    assert len(stub.Match(match_request(3)).pairs) == 3
    assert refused_field(lambda: stub.Match(match_request(4))) == "rows"
    assert refused_field(lambda: stub.Match(match_request(2, 2))) == "rows"


def whole_image(description: proposal_pb2.Description) -> proposal_pb2.MatchImage:
    survivors = to_array(np.arange(description.boxes.shape[0], dtype=np.int32))
    return proposal_pb2.MatchImage(
        boxes=description.boxes, descriptors=description.descriptors, survivors=survivors, view_side=SIDE
    )


def test_a_mirrored_photograph_is_found_to_be_one(stub: proposal_pb2_grpc.ProposalServiceStub) -> None:
    upright, turned = describe_request(max_boxes=100), describe_request(max_boxes=100)
    turned.image.data = encoded(np.ascontiguousarray(VIEW[:, ::-1]))
    images = [whole_image(stub.Describe(request).description) for request in (upright, upright, turned)]
    answer = stub.Match(proposal_pb2.MatchRequest(rows=images, options=proposal_pb2.MatchOptions(mirror=True)))
    assert [pair.mirrored for pair in answer.pairs] == [False, True, True]


def test_a_rotated_photograph_is_found_to_be_one(stub: proposal_pb2_grpc.ProposalServiceStub) -> None:
    upright, turned = describe_request(max_boxes=100), describe_request(max_boxes=100)
    matrix = cv2.getRotationMatrix2D((VIEW.shape[1] / 2, VIEW.shape[0] / 2), 15, 1)
    turned.image.data = encoded(cv2.warpAffine(VIEW, matrix, VIEW.shape[1::-1], borderMode=cv2.BORDER_REPLICATE))
    images = [whole_image(stub.Describe(request).description) for request in (upright, upright, turned)]
    answer = stub.Match(proposal_pb2.MatchRequest(rows=images, options=proposal_pb2.MatchOptions(rotate=True)))
    assert [pair.rotation_degrees for pair in answer.pairs] == [0, -15, -15]


@pytest.mark.parametrize("option", ["mirror", "rotate"])
def test_only_descriptors_of_describe_can_be_mirrored_or_rotated(
    stub: proposal_pb2_grpc.ProposalServiceStub, option: str
) -> None:
    assert refused_field(lambda: stub.Match(match_request(**{option: True}))) == "rows[0].descriptors"


def test_the_server_says_what_it_is(channel: grpc.Channel) -> None:
    info = info_pb2_grpc.InfoServiceStub(channel).GetServerInfo(info_pb2.GetServerInfoRequest())
    assert info.service == "visum.v1.ProposalService"
    assert info.deterministic
    assert info.preferred_concurrency == SETTINGS.threads
