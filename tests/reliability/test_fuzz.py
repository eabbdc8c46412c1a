"""Good requests of every call of the four services, changed at random: answered or refused by field, never a fault."""

import collections
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from visum.v1 import clustering_pb2, common_pb2, info_pb2, mask_pb2, proposal_pb2, specializer_pb2

from tests.clustering.builders import planted_class, planted_features
from tests.clustering.wire import requests_of
from tests.proposals import test_proposal_servicer as proposals
from tests.specializer import test_specializer_service as specializer
from tests.support.fuzz import changed, changed_bytes, changed_stream
from tests.support.pictures import encoded, noise
from tests.support.proto_strategies import Messages
from tests.support.servers import connected, running
from visum_client.files import file_digest
from visum_client.methods import SERVICES
from visum_clustering.server import ClusteringSettings
from visum_clustering.server import build as build_clustering
from visum_mask.server import MaskServerSettings
from visum_mask.server import build as build_mask
from visum_proposals.server import build as build_proposals
from visum_runtime.settings import ServerSettings
from visum_specializer.server import build as build_specializer
from visum_wire import mask_to_png, to_array

REFUSALS = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.FAILED_PRECONDITION,
    grpc.StatusCode.OUT_OF_RANGE,
}
DEADLINE_SECONDS = 60.0
MOST_PIXELS = 1 << 20
SMALL = common_pb2.ModelRef(name="small")
SIDE = 32


@dataclass(frozen=True)
class Target:
    """A call, and good requests of it."""

    service: str
    name: str
    weight: int
    """How often it is drawn, among the others."""
    good: Sequence[Any]
    """Requests; of a call that takes a stream, streams."""
    takes_stream: bool = False


@dataclass(frozen=True)
class Fuzzed:
    """Servers and what they are asked."""

    channels: dict[str, grpc.Channel]
    targets: Sequence[Target]

    def send(self, target: Target, requests: Sequence[bytes]) -> None:
        """Sends what may be no message at all and reads all that is answered. Raises grpc.RpcError."""
        path = f"/{SERVICES[target.service]}/{target.name}"
        for _ in self.channels[target.service].stream_stream(path)(iter(requests), timeout=DEADLINE_SECONDS):
            pass


@pytest.fixture(scope="module")
def fuzzed(tmp_path_factory) -> Iterator[Fuzzed]:
    folder = tmp_path_factory.mktemp("models")
    models = specializer.model_settings(folder, max_image_pixels=MOST_PIXELS)
    pictures = tmp_path_factory.mktemp("pictures")
    (pictures / "0.png").write_bytes(image().data)
    common = {"port": 0, "max_image_pixels": MOST_PIXELS, "allowed_uri_prefixes": pictures.as_uri()}
    mask = MaskServerSettings(model_dir=str(folder), trust_model_dir=True, standard_weights=False, **common)
    plain = ServerSettings(**common)
    with (
        running(build_mask(mask), mask) as first,
        running(build_proposals(plain), plain) as second,
        running(build_clustering(ClusteringSettings(port=0))) as third,
        running(build_specializer(models), models) as fourth,
        connected(first) as a,
        connected(second) as b,
        connected(third) as c,
        connected(fourth) as d,
    ):
        channels = dict(zip(SERVICES, (a, b, c, d), strict=True))
        targets = [*mask_targets(), *proposal_targets(), *clustering_targets(), *specializer_targets(d)]
        yield Fuzzed(channels, [*targets, by_uri(pictures / "0.png")])


def image(seed: int = 0) -> common_pb2.Image:
    return common_pb2.Image(data=encoded(noise(SIDE, SIDE, seed)))


def by_uri(picture: Path) -> Target:
    """A request whose image the server reads."""
    named = common_pb2.Image(uri=picture.as_uri(), sha256=file_digest(picture))
    preprocessing = common_pb2.Preprocessing(resize=SIDE, crop=SIDE)
    return Target("proposals", "Describe", 6, [proposal_pb2.DescribeRequest(image=named, preprocessing=preprocessing)])


def mask_targets() -> list[Target]:
    half = np.arange(SIDE) < SIDE // 2
    masks = [mask_to_png(np.broadcast_to(half, (SIDE, SIDE)))] * 2
    options = mask_pb2.MaskOptions(iterations=10, grid=4, blur_sigma=10.0, target_drop=0.9, min_region_area=0.01)
    common = {"image": image(), "model": SMALL, "target": 1}
    extract = mask_pb2.ExtractMaskRequest(**common, options=options)
    drops = mask_pb2.MeasureDropsRequest(**common, masks_png=masks, blur_sigma=10.0)
    return [
        Target("mask", "ExtractMask", 10, [extract]),
        Target("mask", "MeasureDrops", 10, [drops]),
        Target("mask", "ListModels", 2, [mask_pb2.ListModelsRequest(), mask_pb2.ListModelsRequest(name="small")]),
    ]


def proposal_targets() -> list[Target]:
    preprocessing = common_pb2.Preprocessing(resize=SIDE, crop=SIDE)
    boxes = to_array(np.array([[0, 0, 20, 20], [5, 5, 30, 25]], np.int32))
    describe = proposal_pb2.DescribeRequest(image=image(), preprocessing=preprocessing)
    select = proposal_pb2.SelectSurvivorsRequest(
        image=image(),
        preprocessing=preprocessing,
        boxes=boxes,
        regions_png=specializer.region_request(noise(SIDE, SIDE), specializer.two_regions()).regions_png,
    )
    matches = [proposals.match_request(), proposals.match_request(1, 1, min_score=0.1)]
    return [
        Target("proposals", "Describe", 4, [describe]),
        Target("proposals", "SelectSurvivors", 10, [select]),
        Target("proposals", "Match", 20, matches),
    ]


def clustering_targets() -> list[Target]:
    parts, edges = planted_class(2, 3)
    consensus = clustering_pb2.ClusteringOptions(preset=clustering_pb2.ClusteringOptions.PRESET_CONSENSUS)
    streams = [
        list(requests_of(parts, edges, 3, chunk=8)),
        list(requests_of(parts, edges, 3, consensus, features=planted_features(2, 3))),
    ]
    return [Target("clustering", "Summarize", 20, streams, takes_stream=True)]


def specializer_targets(channel: grpc.Channel) -> list[Target]:
    stub = specializer.specializer_pb2_grpc.SpecializerServiceStub(channel)
    classifier = stub.Train(specializer.train_requests()).classifier
    ref = specializer_pb2.ClassifierRef(classifier=classifier)
    boxes = to_array(np.array([[0, 0, 20, 20]], np.int32))
    embed = specializer_pb2.EmbedRequest(image=image(), model=SMALL, layer="hidden", boxes=boxes)
    regions = specializer.region_request(noise(SIDE, SIDE), specializer.two_regions())
    split = specializer.split_request(noise(SIDE, SIDE), specializer.two_regions(), max_area=0.15)
    predict = specializer_pb2.PredictRequest(images=[image(), image(1)], classifier=ref)
    nothing = specializer_pb2.ExportRequest(classifier=specializer_pb2.ClassifierRef(sha256="0" * 64))
    return [
        Target("specializer", "Embed", 10, [embed]),
        Target("specializer", "DescribeModel", 2, [specializer_pb2.DescribeModelRequest(model=SMALL)]),
        Target("specializer", "DescribeRegions", 5, [regions]),
        Target("specializer", "SplitRegions", 5, [split]),
        Target("specializer", "Train", 5, [list(specializer.train_requests())], takes_stream=True),
        Target("specializer", "Predict", 10, [predict]),
        Target("specializer", "Export", 2, [nothing]),
    ]


def spoiled(target: Target, chance: random.Random) -> list[bytes]:
    """A good request of a call, changed; one in twenty is no message any more."""
    good = chance.choice(target.good)
    stream = changed_stream(good, chance) if target.takes_stream else [changed(good, chance)]
    content = [request.SerializeToString() for request in stream]
    if content and chance.random() < 0.05:
        place = chance.randrange(len(content))
        content[place] = changed_bytes(content[place], chance)
    return content


def check(error: grpc.RpcError, names: set[str]) -> None:
    """A refusal, in the caller's language; of wrong input, by a field that there is."""
    code, text = error.code(), error.details()
    assert code in REFUSALS, f"{code}: {text}"
    assert "Traceback" not in text
    if code is grpc.StatusCode.INVALID_ARGUMENT:
        (packed,) = rpc_status.from_call(error).details
        bad = error_details_pb2.BadRequest()
        assert packed.Unpack(bad)
        (violation,) = bad.field_violations
        path = [part.split("[")[0] for part in violation.field.split(".")]
        assert set(path) <= names, violation
        assert violation.description


def names_of_fields() -> set[str]:
    """Every field and oneof of the protos."""
    found = {"request"}
    for module in (common_pb2, mask_pb2, proposal_pb2, clustering_pb2, specializer_pb2, info_pb2):
        waiting = list(module.DESCRIPTOR.message_types_by_name.values())
        while waiting:
            kind = waiting.pop()
            waiting += kind.nested_types
            found |= {field.name for field in kind.fields} | {group.name for group in kind.oneofs}
    return found


@pytest.mark.parametrize(
    ("chunks", "each"), [pytest.param(1, 300, id="few"), pytest.param(40, 900, id="full", marks=pytest.mark.long)]
)
def test_no_message_is_more_than_a_server_can_answer(chunks, each, repetitions, fuzzed):
    names = names_of_fields()
    weights = [target.weight for target in fuzzed.targets]
    for chunk in repetitions("fuzzed requests over all calls, 900 each", chunks):
        codes: collections.Counter = collections.Counter()
        for number in range(each):
            chance = random.Random(f"{chunk} {number}")
            (target,) = chance.choices(fuzzed.targets, weights)
            content = spoiled(target, chance)
            try:
                fuzzed.send(target, content)
                codes["OK"] += 1
            except grpc.RpcError as error:
                codes[error.code().name] += 1
                try:
                    check(error, names)
                except AssertionError as wrong:
                    raise AssertionError(f"{target.name}, seed '{chunk} {number}': {wrong}") from error
        assert codes["INVALID_ARGUMENT"] > each // 4


def any_requests(targets: Sequence[Target]) -> st.SearchStrategy[tuple[Target, list[Message]]]:
    """A call, and messages of its kind, whatever the protos let them hold."""

    def of(target: Target) -> st.SearchStrategy[tuple[Target, list[Message]]]:
        good = [request for entry in target.good for request in (entry if target.takes_stream else [entry])]
        one = Messages(good).like(good[0].DESCRIPTOR)
        if not target.takes_stream:
            return st.tuples(st.just(target), one.map(lambda request: [request]))
        begun = st.integers(0, len(target.good[0])).map(lambda count: list(target.good[0])[:count])
        return st.tuples(st.just(target), st.builds(list.__add__, begun, st.lists(one, max_size=3)))

    return st.one_of(map(of, targets))


def outcomes(fuzzed: Fuzzed, count: int, number: int) -> collections.Counter:
    """Sends so many messages; how often each status came. Fails where one is no answer in the caller's language."""
    names = names_of_fields()
    codes: collections.Counter = collections.Counter()

    @seed(number)
    @settings(max_examples=count, deadline=None, database=None, suppress_health_check=HealthCheck)
    @given(any_requests(fuzzed.targets))
    def ask(drawn: tuple[Target, list[Message]]) -> None:
        target, requests = drawn
        try:
            fuzzed.send(target, [request.SerializeToString() for request in requests])
            codes["OK"] += 1
        except grpc.RpcError as error:
            codes[error.code().name] += 1
            check(error, names)

    ask()
    return codes


@pytest.mark.parametrize(
    ("chunks", "each"), [pytest.param(1, 100, id="few"), pytest.param(10, 500, id="full", marks=pytest.mark.long)]
)
def test_whatever_the_protos_let_a_message_hold_is_answered_or_refused_by_field(chunks, each, repetitions, fuzzed):
    for chunk in repetitions("requests by hypothesis over the protos, 500 each", chunks):
        codes = outcomes(fuzzed, each, chunk)
        assert codes["OK"] > 0
        assert codes["INVALID_ARGUMENT"] > each // 4
