"""Decodes what atheris makes up, which watches the code that it reaches.

`python -m tests.support.watched_decoding SEEDS`: the first byte of an input chooses the decoder, the others are
decoded. Whatever is not refused as wrong input is a crash.
"""

import sys
import warnings

import atheris

with atheris.instrument_imports(include=["PIL", "visum_runtime.views", "visum_wire"]):
    from visum_runtime.views import ImageLimits, load_view
    from visum_wire import from_array, mask_from_png, regions_from_png

from google.protobuf.message import DecodeError
from visum.v1 import common_pb2

from visum_wire.errors import InvalidInput

SIDE = 20
LIMITS = ImageLimits(max_bytes=1 << 20, max_pixels=1 << 16)
PREPROCESSING = common_pb2.Preprocessing(resize=24, crop=SIDE)


def decode_array(data: bytes) -> None:
    """An array message, as each of three kinds that calls take."""
    for dtype, shape in (("float32", (None, 4)), ("int32", (None,)), ("uint8", (None, None, None))):
        try:
            from_array(common_pb2.Array.FromString(data), "array", dtype, shape)
        except (InvalidInput, DecodeError):
            continue


DECODERS = (
    lambda data: load_view(common_pb2.Image(data=data), PREPROCESSING, LIMITS),
    lambda data: mask_from_png(data, "png", (SIDE, SIDE)),
    lambda data: regions_from_png(data, "png", (SIDE, SIDE)),
    decode_array,
)


def decode(data: bytes) -> None:
    """One input. Raises what is a fault."""
    if not data:
        return
    try:
        DECODERS[data[0] % len(DECODERS)](data[1:])
    except InvalidInput:
        return


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    atheris.Setup(sys.argv, decode)
    atheris.Fuzz()
