import io

import numpy as np
import pytest
from PIL import Image
from torchvision.transforms import functional as transforms
from visum.v1 import common_pb2

from tests.support.pictures import encoded, noise
from visum_runtime.errors import InvalidInput
from visum_runtime.views import ImageLimits, decode_upright, load_view

LIMITS = ImageLimits(max_bytes=1 << 20, max_pixels=1_000_000)
SQUARE = common_pb2.Preprocessing(resize=32, crop=24)


def view_of(data: bytes, preprocessing: common_pb2.Preprocessing = SQUARE, limits: ImageLimits = LIMITS):
    return load_view(common_pb2.Image(data=data), preprocessing, limits)


@pytest.mark.parametrize("size", [(50, 40), (40, 51), (64, 64), (33, 200), (1, 1), (7, 3)])
def test_a_view_is_what_torchvision_makes_of_the_image(size):
    image = Image.fromarray(noise(*size))
    resized = transforms.resize(image, [32])
    expected = np.asarray(transforms.center_crop(resized, [24, 24]))
    np.testing.assert_array_equal(view_of(encoded(np.asarray(image))).pixels, expected)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_rotated_images_give_the_view_of_the_upright_image(orientation):
    upright = Image.fromarray(noise(48, 64))
    stored = _stored(upright, orientation)
    exif = Image.Exif()
    exif[0x0112] = orientation
    np.testing.assert_array_equal(
        view_of(encoded(np.asarray(stored), exif=exif)).pixels, view_of(encoded(np.asarray(upright))).pixels
    )


def _stored(upright: Image.Image, orientation: int) -> Image.Image:
    undo = {
        1: [],
        2: [Image.Transpose.FLIP_LEFT_RIGHT],
        3: [Image.Transpose.ROTATE_180],
        4: [Image.Transpose.FLIP_TOP_BOTTOM],
        5: [Image.Transpose.TRANSPOSE],
        6: [Image.Transpose.ROTATE_90],
        7: [Image.Transpose.TRANSVERSE],
        8: [Image.Transpose.ROTATE_270],
    }
    for operation in undo[orientation]:
        upright = upright.transpose(operation)
    return upright


def test_greyscale_palette_cmyk_alpha_and_16_bit_images_become_rgb():
    grey = noise(40, 40)[..., 0]
    rgb = np.repeat(grey[..., None], 3, axis=2)
    reference = view_of(encoded(rgb)).pixels
    np.testing.assert_array_equal(view_of(encoded(grey)).pixels, reference)
    np.testing.assert_array_equal(view_of(_file(Image.fromarray(grey).convert("P"), "PNG")).pixels, reference)
    np.testing.assert_array_equal(view_of(encoded(grey.astype(np.uint16) * 257)).pixels, reference)
    cmyk = decode_upright(_file(Image.fromarray(rgb).convert("CMYK"), "JPEG", quality=100, subsampling=0), LIMITS)
    assert np.abs(np.asarray(cmyk).astype(int) - rgb).mean() < 3


@pytest.mark.parametrize("scale", [1.0, 1 / 255])
def test_floating_point_pixels_count_to_1_or_to_255(scale):
    grey = noise(40, 40)[..., 0]
    grey[0, 0] = 255
    data = _file(Image.fromarray(grey.astype(np.float32) * np.float32(scale)), "TIFF")
    np.testing.assert_array_equal(view_of(data).pixels, view_of(encoded(grey)).pixels)


@pytest.mark.parametrize(("value", "text"), [(-0.5, r"-0\.5\.\.1"), (300.0, r"0\.\.300")])
def test_floating_point_pixels_of_another_scale_are_refused(value, text):
    pixels = np.ones((40, 40), np.float32)
    pixels[0, 0] = value
    with pytest.raises(InvalidInput, match=text) as caught:
        view_of(_file(Image.fromarray(pixels), "TIFF"))
    assert caught.value.field == "image.data"


@pytest.mark.parametrize("order", ["<", ">"])
def test_a_dark_image_of_16_bits_stays_dark_in_either_order_of_bytes(order):
    dark = np.full((40, 40), 200, dtype=f"{order}u2")
    image = Image.frombytes("I;16" if order == "<" else "I;16B", dark.shape, dark.tobytes())
    assert (view_of(_file(image, "TIFF")).pixels == 1).all()


def test_transparent_pixels_are_white():
    rgba = np.zeros((40, 40, 4), np.uint8)
    assert (view_of(_file(Image.fromarray(rgba), "PNG")).pixels == 255).all()


def test_the_affine_map_finds_the_view_in_the_original():
    pixels = np.zeros((300, 200, 3), np.uint8)
    pixels[140:160, 90:120] = 255
    view = view_of(encoded(pixels), common_pb2.Preprocessing(resize=100, crop=80))
    rows, columns = np.nonzero(view.pixels[..., 0] > 127)
    xs = np.array([columns.min(), columns.max() + 1]) * view.scale[0] + view.offset[0]
    ys = np.array([rows.min(), rows.max() + 1]) * view.scale[1] + view.offset[1]
    assert np.abs(xs - [90, 120]).max() <= 2
    assert np.abs(ys - [140, 160]).max() <= 2


@pytest.mark.parametrize("data", [b"this is a text file", b"\xff\xd8\xff\xe0", b"GIF89a", b"\x89PNG\r\n\x1a\n"])
def test_what_is_no_image_is_refused(data):
    with pytest.raises(InvalidInput, match="not an image|damaged") as caught:
        view_of(data)
    assert caught.value.field == "image.data"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_truncated_images_are_refused(kind):
    data = encoded(noise(60, 60), kind)
    with pytest.raises(InvalidInput, match="damaged or truncated|not an image"):
        view_of(data[: len(data) // 2])


def test_limits_hold_before_decoding():
    data = encoded(np.zeros((1200, 1200, 3), np.uint8))
    with pytest.raises(InvalidInput, match="1200 x 1200"):
        view_of(data)
    with pytest.raises(InvalidInput, match="at most 100"):
        view_of(data, limits=ImageLimits(max_bytes=100, max_pixels=1 << 30))


def test_an_elongated_image_is_refused_instead_of_filling_memory():
    with pytest.raises(InvalidInput, match="elongated"):
        view_of(encoded(np.zeros((2, 9000, 3), np.uint8)))


def test_a_small_elongated_image_and_a_large_view_are_refused_instead_of_filling_memory():
    with pytest.raises(InvalidInput, match="elongated"):
        view_of(encoded(np.zeros((1, 99, 3), np.uint8)), common_pb2.Preprocessing(resize=4096, crop=1))


def test_damaged_metadata_is_refused_as_a_damaged_image():
    exif = Image.Exif()
    exif[0x0112] = 6
    data = bytearray(encoded(noise(40, 40), "JPEG", exif=exif))
    start = data.index(b"Exif")
    outcomes = set()
    for position in range(start, start + 40):
        damaged = bytearray(data)
        damaged[position] ^= 0xFF
        try:
            outcomes.add(view_of(bytes(damaged)).side)
        except InvalidInput as error:
            outcomes.add(error.field)
    assert outcomes <= {24, "image.data"}


def test_digest_and_emptiness_are_checked():
    with pytest.raises(InvalidInput) as caught:
        load_view(common_pb2.Image(data=encoded(noise(9, 9)), sha256="0" * 64), SQUARE, LIMITS)
    assert caught.value.field == "image.sha256"
    with pytest.raises(InvalidInput):
        load_view(common_pb2.Image(), SQUARE, LIMITS)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"resize": 0, "crop": 1}, "resize"),
        ({"resize": 5000, "crop": 1}, "resize"),
        ({"resize": 9, "crop": 10}, "crop"),
        ({"resize": 9, "crop": 0}, "crop"),
    ],
)
def test_preprocessing_out_of_range_is_refused_by_field(values, field):
    with pytest.raises(InvalidInput) as caught:
        view_of(encoded(noise(9, 9)), common_pb2.Preprocessing(**values))
    assert caught.value.field == f"preprocessing.{field}"


def _file(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, format=kind, **options)
    return buffer.getvalue()
