"""Files and arrays that are damaged at random: decoded, or refused by the field that they came in."""

import io
import random
import subprocess
import sys
from collections.abc import Callable
from functools import partial

import numpy as np
import pytest
from PIL import Image
from visum.v1 import common_pb2

from tests.conftest import ROOT
from tests.support.fuzz import changed, changed_bytes
from tests.support.pictures import noise
from visum_runtime.errors import InvalidInput
from visum_runtime.views import ImageLimits, load_view
from visum_wire import from_array, mask_from_png, mask_to_png, regions_from_png, regions_to_png, to_array
from visum_wire.png import saliency_from_png

LIMITS = ImageLimits(max_bytes=1 << 20, max_pixels=1 << 16)
PREPROCESSING = common_pb2.Preprocessing(resize=24, crop=20)
SIDE = 20


def saved(picture: Image.Image, kind: str, **options) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format=kind, **options)
    return buffer.getvalue()


def files() -> list[bytes]:
    """A file of every format that is read, and of their rarer forms."""
    picture = Image.fromarray(noise(SIDE, 31))
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a description"
    deep = Image.fromarray(np.arange(SIDE * SIDE, dtype=np.uint16).reshape(SIDE, SIDE) * 100)
    frames = {"save_all": True, "append_images": [picture.rotate(90), picture]}
    return [
        saved(picture, "JPEG", exif=exif),
        saved(picture, "JPEG", progressive=True, quality=30),
        saved(picture.convert("CMYK"), "JPEG"),
        saved(picture, "PNG", exif=exif),
        saved(picture.convert("P"), "PNG", transparency=3),
        saved(picture.convert("RGBA"), "PNG"),
        saved(deep, "PNG"),
        saved(picture, "WEBP", lossless=True, exif=exif),
        saved(picture, "WEBP", **frames),
        saved(picture, "BMP"),
        saved(picture.convert("P"), "BMP"),
        saved(picture, "TIFF", compression="tiff_lzw"),
        saved(picture, "TIFF", compression="jpeg"),
        saved(deep, "TIFF"),
        saved(picture, "GIF", **frames),
    ]


def refused_field(decode: Callable[[], object]) -> str:
    """The field that a decoder refuses; empty where it decodes."""
    try:
        decode()
    except InvalidInput as error:
        return error.field
    return ""


def decode_image(data: bytes) -> None:
    view = load_view(common_pb2.Image(data=data), PREPROCESSING, LIMITS)
    assert view.pixels.shape == (SIDE, SIDE, 3)
    assert view.pixels.dtype == np.uint8


def decode_png(decode: Callable[..., np.ndarray], data: bytes) -> None:
    assert decode(data, "png", (SIDE, SIDE)).shape == (SIDE, SIDE)


def decode_array(array: common_pb2.Array, dtype: str, shape: tuple[int | None, ...]) -> None:
    found = from_array(array, "array", dtype, shape)
    assert found.ndim == len(shape)
    assert np.isfinite(found).all()


def pngs() -> list[bytes]:
    half = np.arange(SIDE) < SIDE // 2
    regions = np.zeros((SIDE, SIDE), np.uint16)
    regions[3:9, 3:9] = 1
    return [mask_to_png(np.broadcast_to(half, (SIDE, SIDE))), regions_to_png(regions)]


def arrays() -> list[common_pb2.Array]:
    generator = np.random.default_rng(0)
    floats, numbers = generator.normal(size=(5, 4)).astype(np.float32), np.arange(7, dtype=np.int32)
    return [to_array(floats), to_array(numbers), to_array(np.zeros((2, 3, 4), np.uint8))]


def spoiled(chance: random.Random, images: list[bytes], masks: list[bytes]) -> set[str]:
    """Decodes something damaged; the fields that were refused."""
    kind = chance.randrange(10)
    if kind < 7:
        data = changed_bytes(chance.choice(images), chance)
        return {refused_field(lambda: decode_image(data))}
    if kind < 9:
        data = changed_bytes(chance.choice(masks), chance)
        decoders = (mask_from_png, saliency_from_png, regions_from_png)
        return {refused_field(partial(decode_png, decode, data)) for decode in decoders}
    array = changed(chance.choice(arrays()), chance)
    wanted = (("float32", (None, 4)), ("int32", (None,)), ("uint8", (None, None, None)))
    return {refused_field(partial(decode_array, array, *form)) for form in wanted}


@pytest.mark.parametrize(
    ("chunks", "each"), [pytest.param(1, 300, id="few"), pytest.param(50, 2000, id="full", marks=pytest.mark.long)]
)
@pytest.mark.filterwarnings("ignore::UserWarning")
def test_damaged_files_and_arrays_are_decoded_or_refused_by_field(chunks, each, repetitions):
    images, masks = files(), pngs()
    assert not any(refused_field(partial(decode_image, data)) for data in images)
    for chunk in repetitions("damaged images, masks and arrays, 2000 each", chunks):
        fields = set()
        for number in range(each):
            fields |= spoiled(random.Random(f"{chunk} {number}"), images, masks)
        assert {"", "image.data", "png", "array.data"} <= fields
        assert all(field.split(".")[0] in ("", "image", "png", "array") for field in fields)


@pytest.mark.long
def test_what_a_fuzzer_finds_that_watches_the_decoders_is_decoded_or_refused(repetitions, tmp_path):
    pytest.importorskip("atheris", reason="atheris is not installed")
    seeds = [(0, data) for data in files()] + [(kind, data) for kind in (1, 2) for data in pngs()]
    seeds += [(3, array.SerializeToString()) for array in arrays()]
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for number, (kind, data) in enumerate(seeds):
        (corpus / str(number)).write_bytes(bytes([kind]) + data)
    limits = ["-timeout=20", "-rss_limit_mb=2048", "-max_len=20000", f"-artifact_prefix={tmp_path}/"]
    for number in repetitions("damaged images, masks and arrays by atheris, 10000 each", 10):
        words = ["-m", "tests.support.watched_decoding", str(corpus), f"-seed={number + 1}", "-runs=10000", *limits]
        done = subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        assert "Done 10000 runs" in done.stderr
