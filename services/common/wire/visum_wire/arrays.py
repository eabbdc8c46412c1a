"""Packed arrays: visum.v1.Array to numpy and back."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import DTypeLike, NDArray
from visum.v1 import common_pb2

from visum_wire.errors import InvalidInput

_DTYPES: dict[common_pb2.DataType.ValueType, np.dtype] = {
    common_pb2.DATA_TYPE_FLOAT16: np.dtype("<f2"),
    common_pb2.DATA_TYPE_FLOAT32: np.dtype("<f4"),
    common_pb2.DATA_TYPE_FLOAT64: np.dtype("<f8"),
    common_pb2.DATA_TYPE_UINT8: np.dtype("u1"),
    common_pb2.DATA_TYPE_INT32: np.dtype("<i4"),
    common_pb2.DATA_TYPE_INT64: np.dtype("<i8"),
}
_MAX_EXTENT = 2**31 - 1
_NUMBERS = {dtype: number for number, dtype in _DTYPES.items()}


def to_array(values: NDArray, dtype: DTypeLike | None = None) -> common_pb2.Array:
    """Packs an array, converted to `dtype` where one is given.

    Raises:
        InvalidInput: The dtype has no place on the wire.
    """
    packed = np.ascontiguousarray(values, dtype=dtype).reshape(np.shape(values))
    little = packed.dtype.newbyteorder("<")
    if little not in _NUMBERS:
        raise InvalidInput(f"dtype {packed.dtype} cannot be sent; use one of {sorted(map(str, _NUMBERS))}")
    return common_pb2.Array(
        dtype=_NUMBERS[little], shape=packed.shape, data=packed.astype(little, copy=False).tobytes()
    )


def from_array(message: common_pb2.Array, field: str, dtype: DTypeLike, shape: Sequence[int | None]) -> NDArray:
    """Unpacks an array and holds it against what is expected of it.

    Args:
        message: The packed array.
        field: Its path, for errors.
        dtype: The dtype that it must have.
        shape: The extents that it must have; None admits any.

    Returns:
        A read-only array of that dtype and shape. Floating values are finite.

    Raises:
        InvalidInput: dtype, shape, length or finiteness are not as promised.
    """
    expected = np.dtype(dtype).newbyteorder("<")
    actual = _DTYPES.get(message.dtype)
    if actual != expected:
        raise InvalidInput(f"has dtype {actual or 'unset'}, expected {np.dtype(dtype).name}", field=f"{field}.dtype")
    extents = tuple(message.shape)
    fits = len(extents) == len(shape) and all(
        have >= 0 and want in (None, have) for have, want in zip(extents, shape, strict=True)
    )
    if not fits:
        wanted = ", ".join("any" if extent is None else str(extent) for extent in shape)
        raise InvalidInput(f"has shape {list(extents)}, expected [{wanted}]", field=f"{field}.shape")
    if any(extent > _MAX_EXTENT for extent in extents):
        raise InvalidInput(f"has an extent above {_MAX_EXTENT}", field=f"{field}.shape")
    size = math.prod(extents) * expected.itemsize
    if len(message.data) != size:
        raise InvalidInput(f"has {len(message.data)} bytes, its shape asks for {size}", field=f"{field}.data")
    values = np.frombuffer(message.data, dtype=expected).reshape(extents)
    if expected.kind == "f" and not np.isfinite(values).all():
        raise InvalidInput("has values that are not finite", field=f"{field}.data")
    return values
