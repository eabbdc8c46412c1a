"""Files that are more, less or other than an image: the view is that of the image in them, or they are refused."""

import io
import struct
import tracemalloc
import zipfile
import zlib

import numpy as np
import pytest
from PIL import Image
from visum.v1 import common_pb2

from tests.support.pictures import encoded, noise
from visum_runtime.errors import InvalidInput
from visum_runtime.views import ImageLimits, load_view

SIDE = 32
MEBIBYTE = 1 << 20
LIMITS = ImageLimits(max_bytes=15 * MEBIBYTE, max_pixels=1_000_000)
PREPROCESSING = common_pb2.Preprocessing(resize=SIDE, crop=SIDE)
PICTURE = noise(SIDE, SIDE)


def view(data: bytes) -> np.ndarray:
    return load_view(common_pb2.Image(data=data), PREPROCESSING, LIMITS).pixels


def saved(picture: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format=kind, **options)
    return buffer.getvalue()


def chunk(kind: bytes, content: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def with_chunk(kind: bytes, content: bytes) -> bytes:
    """The picture as a PNG with a further chunk after its header."""
    data = encoded(PICTURE)
    header = 8 + 25
    return data[:header] + chunk(kind, content) + data[header:]


def with_segments(count: int) -> bytes:
    """The picture as a JPEG with so many segments of 64 KiB of metadata."""
    data = saved(Image.fromarray(PICTURE), "JPEG")
    segment = b"\xff\xef" + struct.pack(">H", 65535) + bytes(65533)
    return data[:2] + segment * count + data[2:]


def bombs() -> dict[str, bytes]:
    """Small files that say of themselves that they are huge."""
    wide = struct.pack(">IIBBBBB", 60000, 60000, 8, 2, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", wide) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    gif = bytearray(saved(Image.fromarray(PICTURE), "GIF"))
    gif[6:10] = struct.pack("<HH", 65535, 65535)
    bmp = bytearray(saved(Image.fromarray(PICTURE), "BMP"))
    bmp[18:26] = struct.pack("<ii", 60000, 60000)
    return {"PNG": png, "GIF": bytes(gif), "BMP": bytes(bmp), "1 bit": saved(Image.new("1", (4000, 4000)), "PNG")}


@pytest.mark.parametrize("kind", bombs())
def test_a_bomb_is_refused_by_what_it_says_of_itself_before_it_takes_memory(kind):
    tracemalloc.start()
    try:
        with pytest.raises(InvalidInput, match="at most 1000000 are allowed") as caught:
            view(bombs()[kind])
        assert tracemalloc.get_traced_memory()[1] < 4 * MEBIBYTE
    finally:
        tracemalloc.stop()
    assert caught.value.field == "image.data"


def test_text_that_is_compressed_to_little_is_refused():
    bomb = with_chunk(b"zTXt", b"Comment\0\0" + zlib.compress(bytes(100 * MEBIBYTE), 9))
    assert len(bomb) < MEBIBYTE
    with pytest.raises(InvalidInput, match="damaged") as caught:
        view(bomb)
    assert caught.value.field == "image.data"


@pytest.mark.parametrize(
    "data", [with_chunk(b"tEXt", b"Comment\0" + b"x" * 5 * MEBIBYTE), with_segments(80)], ids=["PNG", "JPEG"]
)
def test_megabytes_of_metadata_change_nothing(data):
    assert len(data) > 5 * MEBIBYTE
    kind = Image.open(io.BytesIO(data)).format
    np.testing.assert_array_equal(view(data), view(saved(Image.fromarray(PICTURE), kind)))


def archive() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("evil.py", "raise SystemExit")
    return buffer.getvalue()


@pytest.mark.parametrize(
    "tail", [archive(), b"<script>alert(1)</script>", b"%PDF-1.7\n%%EOF"], ids=["zip", "html", "pdf"]
)
@pytest.mark.parametrize("kind", ["PNG", "GIF", "BMP", "JPEG"])
def test_what_follows_an_image_in_its_file_is_not_looked_at(kind, tail):
    data = saved(Image.fromarray(PICTURE), kind)
    np.testing.assert_array_equal(view(data + tail), view(data))


@pytest.mark.parametrize(
    "head",
    [archive(), b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"%!PS-Adobe-3.0 EPSF-3.0\n", b"%PDF-1.7\n", b"MZ"],
)
def test_an_image_behind_something_else_is_no_image(head):
    with pytest.raises(InvalidInput, match="is not an image that is read here"):
        view(head + encoded(PICTURE))


def test_formats_whose_readers_start_programs_or_are_rare_are_not_read():
    for kind in ("EPS", "PDF", "ICO", "TGA", "PCX", "JPEG2000", "PPM"):
        with pytest.raises(InvalidInput, match="is not an image that is read here"):
            view(saved(Image.fromarray(PICTURE), kind))


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_of_many_frames_the_first_is_seen(kind):
    first, last = (Image.new("RGB", (SIDE, SIDE), colour) for colour in ("red", "blue"))
    frames = [last] * 200
    lossless = {"lossless": True} if kind == "WEBP" else {}
    np.testing.assert_array_equal(
        view(saved(first, kind, save_all=True, append_images=frames, **lossless)), view(saved(first, "PNG"))
    )
