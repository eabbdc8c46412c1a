import queue
import threading

import grpc
import numpy as np
import pytest
from visum.v1 import clustering_pb2, clustering_pb2_grpc

from tests.clustering.builders import edges_of, parts_of, planted_class, planted_features
from tests.clustering.wire import edges_chunk, header_of, parts_chunk, requests_of
from tests.support.errors import expect_refusal, refused_field
from tests.support.servers import connected, running
from visum_clustering import servicer
from visum_clustering.feature_sets import FeatureSet
from visum_clustering.options import ClusteringOptions, Preset, SsimRule
from visum_clustering.parts import Edges
from visum_clustering.requests import decode_options
from visum_clustering.server import ClusteringSettings, build
from visum_clustering.summarize import summarize
from visum_clustering.summarize_by_consensus import summarize_by_consensus
from visum_runtime.errors import Stopped
from visum_wire import from_array, to_array

Options = clustering_pb2.ClusteringOptions
Request = clustering_pb2.SummarizeRequest
GROUPS, IMAGES = 3, 6
CONSENSUS = Options(preset=Options.PRESET_CONSENSUS)
MAX_PARTS, MAX_EDGES, MAX_BYTES = 100, 1000, 1 << 20


@pytest.fixture(scope="module")
def stub():
    settings = ClusteringSettings(
        port=0, max_parts=MAX_PARTS, max_edges=MAX_EDGES, max_bytes=MAX_BYTES, drain_seconds=5
    )
    with running(build(settings), settings) as server, connected(server) as channel:
        yield clustering_pb2_grpc.ClusteringServiceStub(channel)


def answers(stub, requests):
    return list(stub.Summarize(iter(requests), timeout=60))


def result_of(stub, requests):
    return answers(stub, requests)[-1].result


def without_timing(result):
    result.ClearField("timing")
    return result


def members(summary):
    return from_array(summary.members, "members", np.int32, [None]).tolist()


def small_class():
    """Two parts of two images, as the messages of a good request."""
    parts, edges = parts_of([0, 1]), edges_of([(0, 1, 1.0)])
    return header_of(2, 3), Request(parts=parts_chunk(parts)), Request(edges=edges_chunk(edges))


def test_the_answer_is_that_of_the_algorithm(stub):
    parts, edges = planted_class(GROUPS, IMAGES)
    expected = summarize(parts, edges, IMAGES, ClusteringOptions())
    result = result_of(stub, requests_of(parts, edges, IMAGES))
    assert [members(summary) for summary in result.summaries] == [s.members.tolist() for s in expected.summaries]
    for message, summary in zip(result.summaries, expected.summaries, strict=True):
        similarities = from_array(message.similarities, "similarities", np.float32, [len(summary.members)])
        np.testing.assert_array_equal(similarities, summary.similarities)
        assert message.ssim == pytest.approx(summary.ssim, abs=1e-6)
    assert [item.detail for item in result.discarded] == [item.detail for item in expected.discarded]
    assert result.converged
    assert result.iterations == expected.iterations
    assert result.damping == 0.9
    assert result.ssim_reference == pytest.approx(expected.ssim_reference, abs=1e-6)
    assert result.timing.compute_seconds > 0


def test_the_cut_into_chunks_does_not_matter(stub):
    parts, edges = planted_class(GROUPS, IMAGES)
    results = [without_timing(result_of(stub, requests_of(parts, edges, IMAGES, chunk=size))) for size in (1, 7, 1000)]
    assert results[0] == results[1] == results[2]


def test_progress_comes_first_and_the_result_once_at_the_end(stub):
    kinds = [answer.WhichOneof("content") for answer in answers(stub, requests_of(*planted_class(2, 4), 4))]
    assert kinds[-1] == "result"
    assert kinds.count("progress") == len(kinds) - 1 > 0


def test_progress_is_told_by_whole_percents():
    told = []
    tell = servicer._thinned(lambda *news: told.append(news))
    for done in range(1, 1001):
        tell("step", done, 1000)
    tell("next", 0, 0)
    assert len(told) == 102
    assert told[-2:] == [("step", 1000, 1000), ("next", 0, 0)]


def test_discarded_clusters_and_removed_parts_come_with_their_reasons(stub):
    places = [[0, 0, 20, 20]] * 5
    parts = parts_of([0, 1, 2, 3, 3], places)
    edges = edges_of([(0, 1, 1.0), (0, 2, 0.01), (1, 3, 0.9)])
    result = result_of(stub, requests_of(parts, edges, 24, Options(min_images=5, ssim_rule=Options.SSIM_RULE_OFF)))
    reasons = {tuple(sorted(members(item.cluster))): item.reason for item in result.discarded}
    assert clustering_pb2.DISCARD_REASON_TOO_FEW_IMAGES in reasons.values()
    assert "of 24 images; at least 5 are needed" in result.discarded[0].detail
    assert from_array(result.removed.redundant, "redundant", np.int32, [1]).tolist() == [4]
    assert from_array(result.removed.kept, "kept", np.int32, [1]).tolist() == [3]
    assert not result.HasField("ssim_reference")


def test_a_singleton_has_no_ssim(stub):
    result = result_of(stub, requests_of(parts_of([0, 1, 2]), edges_of([]), 3))
    assert [item.reason for item in result.discarded] == [clustering_pb2.DISCARD_REASON_SINGLETON] * 3
    assert [item.cluster.ssim for item in result.discarded] == [0, 0, 0]


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (Options.SSIM_RULE_UNSPECIFIED, None),
        (Options.SSIM_RULE_CLUSTERS, SsimRule.CLUSTERS),
        (Options.SSIM_RULE_LITERAL, SsimRule.LITERAL),
        (Options.SSIM_RULE_OFF, SsimRule.OFF),
    ],
)
def test_options_reach_the_algorithm(stub, monkeypatch, rule, expected):
    seen = []

    def spy(parts, edges, image_count, options, progress, should_stop):
        seen.append((image_count, options))
        return summarize(parts, edges, image_count, options, progress, should_stop)

    monkeypatch.setattr(servicer, "summarize", spy)
    options = Options(
        preference=3, damping=0.8, max_iterations=200, min_images=2, min_share=0, redundancy_iou=0.4,
        redundancy_area_ratio=3, ssim_rule=rule, ssim_threshold=0.5, trim=0, merge=2,
    )  # fmt: skip
    answers(stub, requests_of(parts_of([0, 1]), edges_of([(0, 1, 1.0)]), 3, options))
    assert seen == [(3, ClusteringOptions(Preset.PAPER, 3.0, 0.8, 200, 2, 0.0, 0.4, 3.0, expected, 0.5, 0.0, 2.0))]


def test_unset_options_take_their_defaults_and_zero_is_not_unset():
    assert decode_options(Options(min_share=0, trim=0)) == ClusteringOptions(min_share=0.0, trim=0.0)
    assert decode_options(Options()) == ClusteringOptions()


@pytest.mark.parametrize(
    ("options", "field"),
    [
        (Options(preference=-1), "options.preference"),
        (Options(damping=1), "options.damping"),
        (Options(ssim_rule=9), "options.ssim_rule"),
        (Options(preset=9), "options.preset"),
    ],
)
def test_wrong_options_name_the_field(stub, options, field):
    _, parts, edges = small_class()
    assert refused_field(lambda: answers(stub, [header_of(2, 3, options), parts, edges])) == field


@pytest.mark.parametrize(("images", "parts", "side", "field"), [
    (0, 2, 224, "header.images"), (3, -1, 224, "header.parts"), (3, 2, 0, "header.view_side"),
])  # fmt: skip
def test_a_wrong_header_names_the_field(stub, images, parts, side, field):
    header = clustering_pb2.SummarizeHeader(images=images, parts=parts, view_side=side)
    assert refused_field(lambda: answers(stub, [Request(header=header), *small_class()[1:]])) == field


def out_of_order():
    header, parts, edges = small_class()
    return [
        ([], "header"),
        ([Request()], "content"),
        ([parts, header, edges], "parts"),
        ([edges], "edges"),
        ([header, header], "header"),
        ([header, edges, parts], "parts"),
        ([header, edges], "header.parts"),
        ([header, parts, parts], "header.parts"),
    ]


@pytest.mark.parametrize(("requests", "field"), out_of_order())
def test_messages_out_of_order_are_refused(stub, requests, field):
    assert refused_field(lambda: answers(stub, requests)) == field


@pytest.mark.parametrize(
    ("name", "array", "field"),
    [
        ("images", to_array(np.zeros(2), np.float32), "parts.images.dtype"),
        ("images", to_array(np.array([0, 7]), np.int32), "parts.images"),
        ("boxes", to_array(np.zeros((2, 3)), np.int32), "parts.boxes.shape"),
        ("boxes", to_array(np.zeros((2, 4)), np.int32), "parts.boxes"),
        ("regions", to_array(np.zeros(2), np.int32), "parts.regions"),
        ("descriptors", to_array(np.full((2, 2), np.nan), np.float16), "parts.descriptors.data"),
        ("thumbnails", to_array(np.zeros((2, 32, 32)), np.uint8), "parts.thumbnails.shape"),
    ],
)
def test_wrong_parts_name_the_field(stub, name, array, field):
    header, parts, edges = small_class()
    getattr(parts.parts, name).CopyFrom(array)
    assert refused_field(lambda: answers(stub, [header, parts, edges])) == field


def test_descriptors_keep_their_length_from_chunk_to_chunk(stub):
    parts = Request(parts=parts_chunk(parts_of([0])))
    longer = Request(parts=parts_chunk(parts_of([1])))
    longer.parts.descriptors.CopyFrom(to_array(np.zeros((1, 3)), np.float16))
    assert refused_field(lambda: answers(stub, [header_of(2, 3), parts, longer])) == "parts.descriptors.shape"


@pytest.mark.parametrize(
    ("name", "array", "field"),
    [
        ("sources", to_array(np.array([2]), np.int32), "edges.sources"),
        ("targets", to_array(np.array([0]), np.int32), "edges.targets"),
        ("targets", to_array(np.array([0, 1]), np.int32), "edges.targets.shape"),
        ("scores", to_array(np.array([0]), np.float32), "edges.scores"),
    ],
)
def test_wrong_edges_name_the_field(stub, name, array, field):
    header, parts, edges = small_class()
    getattr(edges.edges, name).CopyFrom(array)
    assert refused_field(lambda: answers(stub, [header, parts, edges])) == field


def test_more_parts_than_the_limit_are_refused_at_the_header(stub):
    error = expect_refusal(lambda: answers(stub, [header_of(MAX_PARTS + 1, 3)]), grpc.StatusCode.OUT_OF_RANGE)
    assert str(MAX_PARTS) in error.details()


def test_more_edges_than_the_limit_are_refused(stub):
    header, parts, edges = small_class()
    error = expect_refusal(
        lambda: answers(stub, [header, parts, *[edges] * (MAX_EDGES + 1)]), grpc.StatusCode.OUT_OF_RANGE
    )
    assert str(MAX_EDGES) in error.details()


def test_more_bytes_than_the_limit_are_refused(stub):
    """Long before the parts that the header announces have come."""
    wide = FeatureSet(np.zeros((1, 20_000)), np.zeros((1, 20_000)))
    parts = Request(parts=parts_chunk(parts_of([0]), features=[wide]))
    requests = [header_of(MAX_PARTS, 3, CONSENSUS), *[parts] * (MAX_BYTES // parts.ByteSize() + 1)]
    error = expect_refusal(lambda: answers(stub, requests), grpc.StatusCode.OUT_OF_RANGE)
    assert f"{MAX_BYTES} bytes" in error.details()


@pytest.mark.parametrize(("count", "images"), [(0, 3), (1, 3), (2, 2)])
def test_too_few_images_or_parts(stub, count, images):
    requests = requests_of(parts_of(range(count)), edges_of([]), images)
    expect_refusal(lambda: answers(stub, requests), grpc.StatusCode.FAILED_PRECONDITION)


@pytest.mark.parametrize("chunk", [1, 7, 1000])
def test_the_consensus_is_that_of_the_algorithm_however_it_is_cut(stub, chunk):
    parts, _ = planted_class(8, IMAGES)
    features = planted_features(8, IMAGES)
    expected = summarize_by_consensus(parts, features, IMAGES, ClusteringOptions(Preset.CONSENSUS))
    requests = requests_of(parts, edges_of([]), IMAGES, CONSENSUS, chunk, features)
    result = result_of(stub, requests)
    assert [members(summary) for summary in result.summaries] == [s.members.tolist() for s in expected.summaries]
    assert len(result.summaries) == 8


def test_the_consensus_needs_features(stub):
    parts, _ = planted_class(2, IMAGES)
    requests = requests_of(parts, edges_of([]), IMAGES, CONSENSUS)
    assert refused_field(lambda: answers(stub, requests)) == "parts.features"


@pytest.mark.parametrize(("widths", "field"), [((2, 3), "parts.features.plain"), ((2, None), "parts.features")])
def test_every_chunk_has_the_same_kinds_of_features(stub, widths, field):
    def requests():
        yield header_of(4, IMAGES, CONSENSUS)
        for image, width in enumerate(widths):
            parts = parts_of([image, image])
            rows = [] if width is None else [FeatureSet(np.zeros((2, width)), np.zeros((2, width)))]
            yield Request(parts=parts_chunk(parts, features=rows))

    assert refused_field(lambda: answers(stub, requests())).startswith(field)


def test_cancelling_stops_the_work(stub, monkeypatch):
    stopped, test_over = threading.Event(), threading.Event()

    def endless(parts, edges, image_count, options, progress, should_stop):
        progress("endless", 0, 1)
        while not should_stop() and not test_over.wait(0.01):
            pass
        if should_stop():
            stopped.set()
        raise Stopped("stopped")

    monkeypatch.setattr(servicer, "summarize", endless)
    try:
        call = stub.Summarize(iter(small_class()), timeout=60)
        assert next(call).progress.step == "endless"
        call.cancel()
        assert stopped.wait(30)
    finally:
        test_over.set()


def large_class(count, neighbours):
    """Parts of 15 an image; random scores along a ring, so that messages travel far."""
    generator = np.random.default_rng(0)
    sources = np.repeat(np.arange(count), neighbours)
    targets = (sources + np.tile(15 * np.arange(1, neighbours + 1), count)) % count
    scores = generator.lognormal(size=len(sources))
    parts = parts_of(np.arange(count) // 15)
    return parts, Edges(*(ends.astype(np.int32) for ends in (sources, targets)), scores.astype(np.float32))


def test_cancelling_stops_a_class_of_thousands_of_parts(monkeypatch):
    """Affinity propagation would go on for a hundred thousand iterations."""
    outcomes = queue.Queue()

    def watched(*arguments):
        try:
            outcomes.put(summarize(*arguments))
        except Stopped as stopped:
            outcomes.put(stopped)
            raise

    monkeypatch.setattr(servicer, "summarize", watched)
    parts, edges = large_class(3000, 60)
    slow = Options(damping=0.9999, max_iterations=100_000)
    settings = ClusteringSettings(port=0, drain_seconds=5)
    with running(build(settings), settings) as server, connected(server) as channel:
        stub = clustering_pb2_grpc.ClusteringServiceStub(channel)
        call = stub.Summarize(requests_of(parts, edges, 200, slow, 20_000), timeout=120)
        assert any(answer.progress.step == "affinity propagation" for answer in call)
        call.cancel()
        assert isinstance(outcomes.get(timeout=60), Stopped)


def test_an_answer_says_where_affinity_propagation_did_not_converge(stub):
    result = result_of(stub, requests_of(*planted_class(GROUPS, IMAGES), IMAGES, Options(max_iterations=60)))
    assert (result.converged, result.iterations, result.damping) == (False, 120, 0.95)
    assert result.summaries


@pytest.mark.parametrize("name", ["max_parts", "max_edges", "max_bytes"])
def test_limits_of_a_server_are_at_least_one(name):
    with pytest.raises(ValueError, match=name):
        ClusteringSettings(**{name: 0})
