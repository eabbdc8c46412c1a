"""Images by URI from folders that the operator allows."""

import asyncio
import hashlib
import os
import threading
from pathlib import Path

import pytest
from visum.v1 import common_pb2

from tests.support.pictures import encoded, noise
from visum_runtime import request_images
from visum_runtime.callers import CallsInFlight
from visum_runtime.errors import InvalidInput
from visum_runtime.request_images import RequestImages
from visum_runtime.settings import ServerSettings
from visum_runtime.uri_files import read_beneath
from visum_runtime.views import View

SQUARE = common_pb2.Preprocessing(resize=16, crop=16)
PICTURE, SECRET = encoded(noise(20, 20)), encoded(noise(20, 20, 1))


@pytest.fixture
def folder(tmp_path) -> Path:
    """A folder with a picture, beside a secret one."""
    inner = tmp_path / "images" / "inner"
    inner.mkdir(parents=True)
    (inner / "a.png").write_bytes(PICTURE)
    (tmp_path / "images-secret").mkdir()
    (tmp_path / "images-secret" / "a.png").write_bytes(SECRET)
    (tmp_path / "secret.png").write_bytes(SECRET)
    return tmp_path / "images"


def read(folder: Path, uri: str, content: bytes = PICTURE, **options) -> View:
    images = RequestImages(ServerSettings(allowed_uri_prefixes=folder.as_uri(), **options))
    digest = hashlib.sha256(content).hexdigest()
    return asyncio.run(images.view(common_pb2.Image(uri=uri, sha256=digest), SQUARE))


def refusal(*arguments, **options) -> InvalidInput:
    with pytest.raises(InvalidInput) as caught:
        read(*arguments, **options)
    return caught.value


def test_a_file_beneath_an_allowed_folder_is_read_with_its_links_within(folder):
    (folder / "link.png").symlink_to(folder / "inner" / "a.png")
    (folder / "way").symlink_to("inner")
    for name in ("inner/a.png", "link.png", "way/a.png"):
        assert read(folder, f"{folder.as_uri()}/{name}").image_sha256 == hashlib.sha256(PICTURE).hexdigest()
    linked = folder.parent / "mount"
    linked.symlink_to(folder)
    assert read(linked, f"{linked.as_uri()}/inner/a.png").side == 16


def test_no_link_leads_out(folder):
    (folder / "absolute.png").symlink_to(folder.parent / "secret.png")
    (folder / "relative.png").symlink_to("../secret.png")
    (folder / "beside").symlink_to("../images-secret")
    (folder / "root").symlink_to("/")
    (folder / "chain.png").symlink_to("relative.png")
    (folder / "circle.png").symlink_to("circle.png")
    outside = str(folder.parent).lstrip("/")
    for name in ("absolute.png", "relative.png", "beside/a.png", f"root/{outside}/secret.png", "chain.png"):
        error = refusal(folder, f"{folder.as_uri()}/{name}", SECRET)
        assert (error.field, error.message) == ("image.uri", "leads to a place that this server does not read")
    assert refusal(folder, f"{folder.as_uri()}/circle.png").field == "image.uri"


def test_a_folder_that_becomes_a_link_while_it_is_read_leads_nowhere(folder, monkeypatch):
    """The place is checked, then the folder is swapped, then the file is opened."""
    resolve = Path.resolve

    def swap_afterwards(path: Path, strict: bool = False) -> Path:
        place = resolve(path, strict)
        if path.name == "a.png":
            (folder / "inner").rename(folder / "gone")
            (folder / "inner").symlink_to(folder.parent / "images-secret")
        return place

    monkeypatch.setattr(Path, "resolve", swap_afterwards)
    with pytest.raises(InvalidInput, match="does not exist, or cannot be read"):
        read_beneath(folder, ["inner", "a.png"], 1 << 20)
    assert (folder / "inner" / "a.png").read_bytes() == SECRET


@pytest.mark.parametrize("kind", ["none.png", "inner", "", "pipe"])
def test_only_files_that_are_there_are_read(folder, kind):
    os.mkfifo(folder / "pipe")
    assert refusal(folder, f"{folder.as_uri()}/{kind}").field == "image.uri"


def test_sizes_are_limited_before_and_after_decoding(folder):
    with (folder / "sparse.png").open("wb") as file:
        file.truncate(1 << 40)
    assert "more than 1000000 bytes" in refusal(folder, f"{folder.as_uri()}/sparse.png", max_image_bytes=10**6).message
    error = refusal(folder, f"{folder.as_uri()}/inner/a.png", max_image_pixels=399)
    assert (error.field, "20 x 20 pixels" in error.message) == ("image.uri", True)


def test_who_does_not_know_the_digest_learns_nothing_of_the_content(folder):
    uri = f"{folder.as_uri()}/inner/a.png"
    error = refusal(folder, uri, SECRET)
    assert (error.field, error.message) == ("image.sha256", "is not that of what lies at the URI")
    (folder / "passwd").write_text("root:x:0:0")
    assert refusal(folder, f"{folder.as_uri()}/passwd", SECRET).message == error.message
    images = RequestImages(ServerSettings(allowed_uri_prefixes=folder.as_uri()))
    with pytest.raises(InvalidInput) as caught:
        asyncio.run(images.view(common_pb2.Image(uri=uri), SQUARE))
    assert caught.value.field == "image.sha256"


def test_places_that_are_not_allowed_are_all_answered_alike(folder):
    there, nowhere = folder.parent / "secret.png", folder.parent / "nowhere.png"
    said = {refusal(folder, path.as_uri(), SECRET).message for path in (there, nowhere, Path("/etc/shadow"))}
    assert said == {"is, or leads to, a place that this server does not read"}


async def test_a_caller_whose_reads_take_long_leaves_room_for_another(folder, monkeypatch):
    """Forty reads of one caller hang; that of another is answered, also when the forty are cancelled."""
    gate = threading.Event()
    begun = []

    def hang_or_read(place: Path, parts: list[str], most: int) -> bytes:
        if parts[-1] == "slow.png":
            begun.append(parts)
            assert gate.wait(60)
        return read_beneath(place, parts, most)

    monkeypatch.setattr(request_images, "read_beneath", hang_or_read)
    images = RequestImages(ServerSettings(allowed_uri_prefixes=folder.as_uri()))
    digest = hashlib.sha256(PICTURE).hexdigest()

    async def ask(caller: str, name: str) -> View:
        with CallsInFlight(99).admitted(caller, 1.0):
            return await images.view(common_pb2.Image(uri=f"{folder.as_uri()}/{name}", sha256=digest), SQUARE)

    try:
        for _ in range(2):
            greedy = [asyncio.create_task(ask("greedy", "slow.png")) for _ in range(40)]
            assert (await asyncio.create_task(ask("modest", "inner/a.png"))).side == 16
            for task in greedy:
                task.cancel()
            await asyncio.gather(*greedy, return_exceptions=True)
        assert len(begun) <= 8
    finally:
        gate.set()
