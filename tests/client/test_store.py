"""The store: what it keeps, what it takes for lost, what its keys depend on."""

import pytest
from visum.v1 import common_pb2, info_pb2, mask_pb2, proposal_pb2

from visum_client.errors import RunFolderError
from visum_client.methods import DESCRIBE, EXTRACT_MASK, MATCH, MEASURE_DROPS
from visum_client.store import Store, request_key

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


def test_a_key_does_not_depend_on_who_answers_or_when():
    replica = info_pb2.GetServerInfoResponse(
        algorithm_version="1", device="cpu", preferred_concurrency=8, version="9.9"
    )
    assert request_key(EXTRACT_MASK, replica, [request()]) == request_key(EXTRACT_MASK, INFO, [request()])


def test_messages_of_a_stream_do_not_run_into_each_other():
    boxes = [proposal_pb2.MatchRequest(options=proposal_pb2.MatchOptions(min_score=score)) for score in (1.0, 2.0)]
    assert request_key(MATCH, INFO, boxes) != request_key(MATCH, INFO, reversed(boxes))
    assert request_key(MATCH, INFO, [boxes[0], proposal_pb2.MatchRequest()]) != request_key(MATCH, INFO, boxes[:1])
