"""The store: what it keeps, what it takes for lost, what its keys depend on."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from google.protobuf.message import Message
from visum.v1 import common_pb2, info_pb2, mask_pb2, proposal_pb2

from visum_client.calls import PureCalls
from visum_client.configuration import StepOptions
from visum_client.errors import RunFolderError, ServiceFaultError
from visum_client.images import ImageFile
from visum_client.likeness.part_features import describe_places
from visum_client.methods import DESCRIBE, EXTRACT_MASK, MATCH, MEASURE_DROPS
from visum_client.part_table import PartTable
from visum_client.progress import Progress
from visum_client.specialization.embedding import Embedder
from visum_client.specialization.labelled_images import LabelledImage
from visum_client.stages.drops import measure_drops
from visum_client.stages.job import Job
from visum_client.stages.masks import extract_mask
from visum_client.store import Store, request_key
from visum_wire import regions_to_png

INFO = info_pb2.GetServerInfoResponse(service="visum.v1.MaskService", algorithm_version="1", device="cpu")
KEY = "ab" * 32


def request(target: int = 3) -> mask_pb2.ExtractMaskRequest:
    return mask_pb2.ExtractMaskRequest(image=common_pb2.Image(sha256="c" * 64), target=target)


def answer() -> mask_pb2.ExtractMaskResponse:
    return mask_pb2.ExtractMaskResponse(image_sha256="c" * 64, recognized=True)


def test_what_was_put_is_found(tmp_path):
    store = Store(tmp_path)
    assert store.find(EXTRACT_MASK, KEY) is None
    store.put(EXTRACT_MASK, KEY, answer())
    assert Store(tmp_path).find(EXTRACT_MASK, KEY) == answer()
    assert store.place(EXTRACT_MASK, KEY).load() == answer()
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.pb")] == [f"ExtractMask/ab/{KEY}.pb"]


@pytest.mark.parametrize("position", [0, 20, -1])
def test_a_damaged_result_is_taken_for_lost(tmp_path, position):
    store = Store(tmp_path)
    store.put(EXTRACT_MASK, KEY, answer())
    path = store.place(EXTRACT_MASK, KEY).path
    content = bytearray(path.read_bytes())
    content[position] ^= 1
    path.write_bytes(content)
    assert store.find(EXTRACT_MASK, KEY) is None
    with pytest.raises(RunFolderError, match="damaged"):
        store.place(EXTRACT_MASK, KEY).load()


@pytest.mark.parametrize("length", [0, 10, 50])
def test_a_truncated_result_is_taken_for_lost(tmp_path, length):
    store = Store(tmp_path)
    store.put(EXTRACT_MASK, KEY, answer())
    path = store.place(EXTRACT_MASK, KEY).path
    path.write_bytes(path.read_bytes()[:length])
    assert store.find(EXTRACT_MASK, KEY) is None


def test_only_masks_and_descriptions_go_to_the_shared_folder(tmp_path):
    store = Store(tmp_path / "work", tmp_path / "cache")
    for method in (EXTRACT_MASK, DESCRIBE, MATCH, MEASURE_DROPS):
        store.put(method, KEY, method.response())
    assert sorted(path.name for path in (tmp_path / "cache").iterdir()) == ["Describe", "ExtractMask"]
    assert sorted(path.name for path in (tmp_path / "work").iterdir()) == ["Match", "MeasureDrops"]


def test_a_key_depends_on_all_that_the_result_depends_on():
    newer = info_pb2.GetServerInfoResponse(algorithm_version="2", device="cpu")
    elsewhere = info_pb2.GetServerInfoResponse(algorithm_version="1", device="NVIDIA H100")
    other_image = mask_pb2.ExtractMaskRequest(image=common_pb2.Image(sha256="d" * 64), target=3)
    keys = {
        request_key(EXTRACT_MASK, INFO, [request()]),
        request_key(EXTRACT_MASK, INFO, [request(target=4)]),
        request_key(EXTRACT_MASK, INFO, [other_image]),
        request_key(EXTRACT_MASK, newer, [request()]),
        request_key(EXTRACT_MASK, elsewhere, [request()]),
        request_key(MEASURE_DROPS, INFO, [mask_pb2.MeasureDropsRequest.FromString(request().SerializeToString())]),
    }
    assert len(keys) == 6


def card(mean: float = 0.5, name: str = "striped", layer: str = "") -> common_pb2.ModelCard:
    preprocessing = common_pb2.Preprocessing(resize=64, crop=64, mean=[mean] * 3, std=[1.0] * 3)
    return common_pb2.ModelCard(classes=["plain", name], preprocessing=preprocessing, feature_layer=layer)


def test_a_key_depends_on_the_card_of_the_network_that_answers():
    cards = [None, card(), card(mean=0.4), card(name="dotted"), card(layer="features.2")]
    assert len({request_key(EXTRACT_MASK, INFO, [request()], given) for given in cards}) == len(cards)
    assert request_key(EXTRACT_MASK, INFO, [request()], card()) == request_key(EXTRACT_MASK, INFO, [request()], card())


class Answering:
    """Services that count how often they are asked."""

    asked = 0

    async def connection(self, service: str) -> SimpleNamespace:
        return SimpleNamespace(info=INFO, in_flight=1)

    async def call(self, method: Any, message: Any) -> mask_pb2.ExtractMaskResponse:
        self.asked += 1
        return answer()


async def test_a_corrected_card_is_asked_anew(tmp_path):
    services = Answering()
    calls = PureCalls(services, Store(tmp_path))
    for given, times in ((card(), 1), (card(), 1), (card(mean=0.4), 2), (card(), 2)):
        await calls.call(EXTRACT_MASK, request(), lambda response: response, network=given)
        assert services.asked == times


class Recorder(Answering):
    """Stands for calls, and keeps of which network the one call was."""

    def __init__(self) -> None:
        self.services = self
        self.networks: list[Message | None] = []

    async def call(self, *given: Any, network: Message | None = None) -> tuple[Any, Any]:
        self.networks.append(network)
        raise ServiceFaultError("enough is known")


async def measure(job: Job) -> None:
    table = PartTable(np.zeros(1, np.int32), np.array([[0, 0, 8, 8]], np.int32), np.ones(1, np.int32))
    await measure_drops(job, table, [0], lambda digest: regions_to_png(np.ones((64, 64), np.int32)))


@pytest.mark.parametrize(
    ("ask", "decides"),
    [
        (lambda job: extract_mask(job, job.images[0]), lambda card: card),
        (measure, lambda card: card.preprocessing),
        (
            lambda job: describe_places(job.calls, job.card, job.images[0], [np.ones((8, 8), bool)]),
            lambda card: card.preprocessing,
        ),
        (
            lambda job: Embedder(job.calls, job.progress, job.card, "").embed(
                [LabelledImage(job.images[0], 0)], "train"
            ),
            lambda card: card.preprocessing,
        ),
    ],
)
async def test_what_a_network_answers_is_asked_with_what_of_its_card_decides(ask, decides):
    job = Job(
        card=card(),
        target=1,
        images=(ImageFile(Path("0.png"), "0.png", "c" * 64),),
        options=StepOptions().for_images(12),
        admit_unrecognized=False,
        calls=Recorder(),
        progress=Progress(visible=False),
    )
    with pytest.raises(ServiceFaultError):
        await ask(job)
    assert job.calls.networks == [decides(card())]


def test_a_key_does_not_depend_on_who_answers_or_when():
    replica = info_pb2.GetServerInfoResponse(
        algorithm_version="1", device="cpu", preferred_concurrency=8, version="9.9"
    )
    assert request_key(EXTRACT_MASK, replica, [request()]) == request_key(EXTRACT_MASK, INFO, [request()])


def test_messages_of_a_stream_do_not_run_into_each_other():
    boxes = [proposal_pb2.MatchRequest(options=proposal_pb2.MatchOptions(min_score=score)) for score in (1.0, 2.0)]
    assert request_key(MATCH, INFO, boxes) != request_key(MATCH, INFO, reversed(boxes))
    assert request_key(MATCH, INFO, [boxes[0], proposal_pb2.MatchRequest()]) != request_key(MATCH, INFO, boxes[:1])
