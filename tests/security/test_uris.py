"""Services read nothing that a caller points them to unless told to, and errors do not say where things lie."""

import io
import json
import socket
import threading
from pathlib import Path

import grpc
import pytest
import torch
from visum.v1 import (
    common_pb2,
    mask_pb2,
    mask_pb2_grpc,
    proposal_pb2,
    proposal_pb2_grpc,
    specializer_pb2,
    specializer_pb2_grpc,
)

from tests.client.conftest import draw, network, pictures, services
from tests.support.errors import expect_refusal
from tests.support.servers import connected, running
from visum_client.files import file_digest
from visum_mask.server import MaskServerSettings, build

__all__ = ["network", "pictures", "services"]

MODEL = common_pb2.ModelRef(name="stripes")
REFUSALS = {grpc.StatusCode.NOT_FOUND, grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.FAILED_PRECONDITION}


@pytest.fixture(scope="module")
def bait():
    """An address of this machine, and the connections that somebody made to it."""
    connections = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def count():
            while True:
                try:
                    connections.append(listener.accept()[0])
                except OSError:
                    return

        threading.Thread(target=count, daemon=True).start()
        yield f"127.0.0.1:{listener.getsockname()[1]}", connections
        listener.shutdown(socket.SHUT_RDWR)


def uris(address: str, picture: Path) -> list[str]:
    """What people try."""
    return [
        str(picture),
        f"file://{picture}",
        f"file:///{picture}",
        f"FILE://{picture}",
        f"file://localhost{picture}",
        f"file://{picture.parent}/../{picture.parent.name}/{picture.name}",
        f"file://{picture.parent}/%2e%2e/{picture.parent.name}/{picture.name}",
        f"simplecache::file://{picture}",
        "file:///proc/self/environ",
        f"http://{address}/a.png",
        f"http://user:pass@{address}/a.png",
        f"http://example.org@{address}/a.png",
        f"s3://bucket/a.png?endpoint=http://{address}",
        "http://169.254.169.254/latest/meta-data/iam/security-credentials/",
        "http://[::ffff:169.254.169.254]/",
        "http://2852039166/",
        "gs://bucket/a.png",
        "data:image/png;base64,iVBORw0KGgo=",
        "\x00",
        "",
    ]


def test_no_uri_of_an_image_is_read_by_default_whatever_it_says(services, pictures, bait):
    address, connections = bait
    digest = file_digest(pictures / "0.png")
    with (
        connected(services.servers["mask"]) as mask,
        connected(services.servers["proposals"]) as proposals,
        connected(services.servers["specializer"]) as specializer,
    ):
        stubs = (
            (mask_pb2_grpc.MaskServiceStub(mask).ExtractMask, mask_pb2.ExtractMaskRequest(model=MODEL, target=1)),
            (mask_pb2_grpc.MaskServiceStub(mask).MeasureDrops, mask_pb2.MeasureDropsRequest(model=MODEL, target=1)),
            (
                proposal_pb2_grpc.ProposalServiceStub(proposals).Describe,
                proposal_pb2.DescribeRequest(preprocessing={"resize": 64, "crop": 64}),
            ),
            (
                proposal_pb2_grpc.ProposalServiceStub(proposals).SelectSurvivors,
                proposal_pb2.SelectSurvivorsRequest(preprocessing={"resize": 64, "crop": 64}),
            ),
            (
                specializer_pb2_grpc.SpecializerServiceStub(specializer).Embed,
                specializer_pb2.EmbedRequest(model=MODEL),
            ),
            (
                specializer_pb2_grpc.SpecializerServiceStub(specializer).DescribeRegions,
                specializer_pb2.DescribeRegionsRequest(model=MODEL),
            ),
            (
                specializer_pb2_grpc.SpecializerServiceStub(specializer).SplitRegions,
                specializer_pb2.SplitRegionsRequest(model=MODEL),
            ),
        )
        for call, request in stubs:
            for uri in uris(address, pictures / "0.png"):
                request.image.uri = uri
                request.image.sha256 = digest
                error = expect_refusal(
                    lambda call=call, request=request: call(request), grpc.StatusCode.INVALID_ARGUMENT
                )
                assert error.details() == "image.uri: is not read: this server allows no URIs; send the data"
    assert connections == []


def test_no_name_of_a_network_leaves_the_model_folder(tmp_path, network, pictures, bait):
    address, connections = bait
    folder = tmp_path / "models"
    folder.mkdir()
    outside = tmp_path / "outside.pt2"
    outside.write_bytes(network.read_bytes())
    outside.with_suffix(".json").write_bytes(network.with_suffix(".json").read_bytes())
    image = common_pb2.Image(data=(pictures / "0.png").read_bytes())
    names = ["../outside", "../outside.pt2", str(outside), "./../outside", "models/../../outside", "..\\outside"]
    names += ["%2e%2e/outside", f"file://{outside}", "~/outside", "\x00", "a" * 600, *uris(address, outside)[8:]]
    for standard in (False, True):
        settings = MaskServerSettings(
            port=0, model_dir=str(folder), trust_model_dir=True, standard_weights=standard, drain_seconds=5
        )
        with running(build(settings), settings) as server, connected(server) as channel:
            stub = mask_pb2_grpc.MaskServiceStub(channel)
            for name in names:
                request = mask_pb2.ExtractMaskRequest(model={"name": name}, image=image, target=1)
                with pytest.raises(grpc.RpcError) as caught:
                    stub.ExtractMask(request, timeout=30)
                assert caught.value.code() in REFUSALS, (name, caught.value)
                assert str(tmp_path) not in caught.value.details().replace(name, "")
    assert connections == []


def test_errors_about_damaged_networks_do_not_say_where_they_lie(tmp_path, network, pictures):
    """Each file is damaged in its own way; what the caller reads names it by its name alone."""
    folder = tmp_path / "models"
    folder.mkdir()
    for name in ("no-card.pth", "alexnet.pth", "program.pt2", "empty.pt2", "listed.pth"):
        (folder / name).write_bytes(b"PK\x03\x04 not a network")
    (folder / "empty.pt2").write_bytes(b"")
    torch.save({"weight": torch.zeros(2)}, folder / "squeezenet1_1.pth")
    (folder / "stripes.pt2").write_bytes(network.read_bytes())
    (folder / "stripes.json").write_text('{"classes": ["one"]}')
    (folder / "listed.json").write_text(json.dumps({"architecture": "../../etc/passwd"}))
    said = ask_for_each(folder, pictures)
    assert len(said) == 7
    for name, (code, text) in said.items():
        assert code in REFUSALS, (name, code, text)
        for word in (str(tmp_path), "Traceback", 'File "', "site-packages", ".py", "0x"):
            assert word not in text, (name, text)
    (folder / "bad.pth").write_bytes(b"x")
    (folder / "bad.json").write_text("{")
    (code, text) = ask_for_each(folder, pictures)["stripes"]
    assert code is grpc.StatusCode.INVALID_ARGUMENT
    assert str(tmp_path) not in text


def ask_for_each(folder: Path, pictures: Path) -> dict[str, tuple[grpc.StatusCode, str]]:
    settings = MaskServerSettings(port=0, model_dir=str(folder), trust_model_dir=True, standard_weights=False)
    said = {}
    with running(build(settings), settings) as server, connected(server) as channel:
        stub = mask_pb2_grpc.MaskServiceStub(channel)
        image = common_pb2.Image(data=png())
        for name in sorted({path.stem for path in folder.iterdir()}):
            request = mask_pb2.ExtractMaskRequest(model={"name": name}, image=image, target=0)
            with pytest.raises(grpc.RpcError) as caught:
                stub.ExtractMask(request, timeout=60)
            said[name] = (caught.value.code(), caught.value.details())
    return said


def png() -> bytes:
    buffer = io.BytesIO()
    draw(0).save(buffer, format="PNG")
    return buffer.getvalue()
