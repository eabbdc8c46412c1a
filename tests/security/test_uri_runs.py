"""Runs whose images the services read themselves."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from visum.v1 import common_pb2

from tests.client.conftest import OPTIONS, RunningServices, network, pictures, services
from tests.support.servers import running
from visum_client import Client, InvalidInputError, TooFewImagesError
from visum_client.__main__ import main
from visum_client.commands.run import parse_options
from visum_client.files import file_digest
from visum_client.images import ImageFile
from visum_client.sent_images import image_message
from visum_mask.server import MaskServerSettings
from visum_mask.server import build as build_mask
from visum_proposals.server import build as build_proposals
from visum_runtime.settings import ServerSettings

__all__ = ["network", "pictures", "services"]


@pytest.fixture(scope="module")
def readers(network, pictures, services) -> Iterator[str]:
    """Services that read images from the folder of the pictures."""
    allowed = {"port": 0, "allowed_uri_prefixes": pictures.as_uri()}
    mask = MaskServerSettings(model_dir=str(network.parent), trust_model_dir=True, **allowed)
    plain = ServerSettings(**allowed)
    with running(build_mask(mask), mask) as first, running(build_proposals(plain), plain) as second:
        ports = {"mask": first.port, "proposals": second.port, "clustering": services.servers["clustering"].port}
        yield ",".join(f"{name}=127.0.0.1:{port}" for name, port in ports.items())


def order(network: Path, images: Path, out: Path) -> dict:
    return {"model": network, "target": "striped", "images": images, "out": out, "limit": 4, "progress": False}


def test_a_run_by_uris_is_the_run_by_data(readers, services: RunningServices, network, pictures, tmp_path):
    with Client.connect(readers, images_at=pictures.parent.as_uri()) as client:
        by_uri = client.summarize(**order(network, pictures, tmp_path / "uris"), **parse_options(list(OPTIONS)))
    with Client.connect(services.addresses) as client:
        by_data = client.summarize(**order(network, pictures, tmp_path / "data"), **parse_options(list(OPTIONS)))
    assert by_uri.status == by_data.status == "complete"
    assert (by_uri.path / "summaries.json").read_bytes() == (by_data.path / "summaries.json").read_bytes()


def test_images_of_other_places_fail_with_the_reason(readers, network, pictures, tmp_path, capsys):
    shutil.copytree(pictures, tmp_path / "elsewhere")
    words = {"--model": network, "--target": "striped", "--images": tmp_path / "elsewhere", "--out": tmp_path / "run"}
    flags = [str(word) for pair in words.items() for word in pair]
    assert main(["run", *flags, "--services", readers, "--images-at", tmp_path.as_uri()]) != 0
    assert "elsewhere/0.png: is, or leads to, a place that this server does not read" in capsys.readouterr().err


def test_who_sends_uris_to_servers_that_read_none_is_told(services, network, pictures, tmp_path):
    with (
        Client.connect(services.addresses, images_at="https://images.example") as client,
        pytest.raises(TooFewImagesError, match="this server allows no URIs; send the data"),
    ):
        client.summarize(**order(network, pictures, tmp_path / "run"))


def test_local_services_are_sent_no_uris(network, pictures, tmp_path, capsys, monkeypatch):
    monkeypatch.delenv("VISUM_SERVICES", raising=False)
    words = {"--model": network, "--target": "striped", "--images": pictures, "--out": tmp_path / "run"}
    assert main(["run", *(str(word) for pair in words.items() for word in pair), "--images-at", "file:///"]) != 0
    assert "--images-at" in capsys.readouterr().err


def test_a_message_holds_the_image_or_says_where_it_is(pictures, monkeypatch):
    path = pictures / "0.png"
    digest = file_digest(path)
    here = ImageFile(path, "pictures/0.png", digest)
    assert image_message(here, None) == common_pb2.Image(data=path.read_bytes(), sha256=digest)
    monkeypatch.chdir(pictures)
    for label in ("pictures/0.png", "0.png", "../pictures/0.png", str(path), "s3://bucket/pictures/0.png"):
        for base in ("https://host/photos", "https://host/photos/"):
            sent = image_message(ImageFile(path, label, digest), base)
            assert sent == common_pb2.Image(uri="https://host/photos/pictures/0.png", sha256=digest)
    odd = ImageFile(path, "a b/50% ä#?.png", digest)
    assert image_message(odd, "file:///mnt").uri == "file:///mnt/a%20b/50%25%20%C3%A4%23%3F.png"
    with pytest.raises(InvalidInputError):
        image_message(ImageFile(path / "none", "none", None), None)
