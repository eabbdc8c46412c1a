"""Messages, streams and files that are changed at random, by a seed, towards what breaks programs."""

import math
import random
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import numpy as np
from google.protobuf import message
from google.protobuf.descriptor import FieldDescriptor
from visum.v1 import common_pb2

Kind = TypeVar("Kind", bound=message.Message)

_INTEGERS = (0, 1, -1, 2, 3, 7, 64, 255, 1025, 65536, 2**31 - 1, -(2**31))
_LARGE_INTEGERS = (*_INTEGERS, 2**32, 2**62, 2**63 - 1, -(2**63))
_NUMBERS = (0.0, -0.0, 1.0, -1.0, 0.5, 1e-300, 1e300, -1e300, 5e-324, math.inf, -math.inf, math.nan)
_TEXTS = ("", " ", "small", "../../etc/passwd", "file:///etc/passwd", "\0", "é\u202e", "x" * 2000, "0" * 64, "%s%n")
_SIZES_OF_DTYPES = {1: "<f2", 2: "<f4", 3: "<f8", 4: "u1", 5: "<i4", 6: "<i8"}


def changed(original: Kind, chance: random.Random) -> Kind:
    """A copy with one to three changes somewhere in it."""
    copy = type(original)()
    copy.CopyFrom(original)
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        place = chance.choice(list(_messages(copy)))
        if isinstance(place, common_pb2.Array) and chance.random() < 0.8:
            _change_array(place, chance)
        elif place.DESCRIPTOR.fields:
            _change_field(place, chance.choice(place.DESCRIPTOR.fields), chance)
    return copy


def changed_stream(original: Sequence[Kind], chance: random.Random) -> list[Kind]:
    """A stream of which a message is changed, left out, repeated, emptied or moved."""
    stream = list(original)
    place = chance.randrange(len(stream))
    how = chance.randrange(8)
    if how == 0:
        del stream[place]
    elif how == 1:
        stream.insert(place, stream[chance.randrange(len(stream))])
    elif how == 2:
        stream[place] = type(stream[place])()
    elif how == 3:
        stream.append(stream.pop(place))
    else:
        stream[place] = changed(stream[place], chance)
    return stream


def changed_bytes(data: bytes, chance: random.Random) -> bytes:
    """Bytes with bits turned, runs left out, repeated or replaced, or an end that is missing."""
    content = bytearray(data)
    for _ in range(chance.choice((1, 1, 2, 8))):
        if not content:
            return chance.randbytes(chance.randrange(64))
        start = chance.randrange(len(content))
        stop = min(len(content), start + chance.choice((1, 1, 2, 4, 64)))
        how = chance.randrange(6)
        if how == 0:
            content[start] ^= 1 << chance.randrange(8)
        elif how == 1:
            content[start:stop] = chance.randbytes(stop - start)
        elif how == 2:
            del content[start:stop]
        elif how == 3:
            content[start:start] = content[start:stop] * chance.choice((1, 3))
        elif how == 4:
            content[start:stop] = chance.choice((b"\0", b"\xff", b"\x7f")) * (stop - start)
        else:
            del content[start:]
    return bytes(content)


def _messages(root: message.Message) -> Iterator[message.Message]:
    yield root
    for field, value in root.ListFields():
        if field.message_type is not None:
            for child in value if field.is_repeated else [value]:
                yield from _messages(child)


def _change_field(place: message.Message, field: FieldDescriptor, chance: random.Random) -> None:
    if chance.random() < 0.15:
        place.ClearField(field.name)
    elif field.is_repeated:
        _change_repeated(place, field, chance)
    elif field.message_type is not None:
        getattr(place, field.name).SetInParent()
    else:
        setattr(place, field.name, _value(field, getattr(place, field.name), chance))


def _change_repeated(place: Any, field: FieldDescriptor, chance: random.Random) -> None:
    values = list(getattr(place, field.name))
    how = chance.randrange(4)
    if values and how == 0:
        del values[chance.randrange(len(values))]
    elif values and how == 1:
        values.insert(chance.randrange(len(values)), values[chance.randrange(len(values))])
    elif field.message_type is not None:
        values.append(type(values[0])() if values else None)
    elif values and how == 2:
        place_of = chance.randrange(len(values))
        values[place_of] = _value(field, values[place_of], chance)
    else:
        values += [_value(field, field.default_value or _empty(field), chance)] * chance.choice((1, 1, 40))
    if values == [None]:
        getattr(place, field.name).add()
        return
    kept = [_copied(value) for value in values]
    place.ClearField(field.name)
    getattr(place, field.name).extend(kept)


def _copied(value: Any) -> Any:
    if not isinstance(value, message.Message):
        return value
    copy = type(value)()
    copy.CopyFrom(value)
    return copy


def _empty(field: FieldDescriptor) -> Any:
    return {FieldDescriptor.TYPE_STRING: "", FieldDescriptor.TYPE_BYTES: b""}.get(field.type, 0)


def _value(field: FieldDescriptor, before: Any, chance: random.Random) -> Any:
    makers: dict[int, Callable[[], Any]] = {
        FieldDescriptor.TYPE_DOUBLE: lambda: chance.choice(_NUMBERS),
        FieldDescriptor.TYPE_FLOAT: lambda: float(np.clip(chance.choice(_NUMBERS), -3e38, 3e38)),
        FieldDescriptor.TYPE_INT32: lambda: chance.choice(_INTEGERS),
        FieldDescriptor.TYPE_SINT32: lambda: chance.choice(_INTEGERS),
        FieldDescriptor.TYPE_INT64: lambda: chance.choice(_LARGE_INTEGERS),
        FieldDescriptor.TYPE_ENUM: lambda: chance.choice((0, 1, 2, 3, 4, 99, -1)),
        FieldDescriptor.TYPE_BOOL: lambda: not before,
        FieldDescriptor.TYPE_STRING: lambda: chance.choice(_TEXTS),
        FieldDescriptor.TYPE_BYTES: lambda: changed_bytes(before, chance),
    }
    return makers[field.type]()


def _change_array(array: common_pb2.Array, chance: random.Random) -> None:
    how = chance.randrange(5)
    if how == 0:
        array.dtype = chance.choice((0, 1, 2, 3, 4, 5, 6, 99))
    elif how == 1 and array.shape:
        array.shape[chance.randrange(len(array.shape))] = chance.choice(_LARGE_INTEGERS)
    elif how == 2:
        array.data = changed_bytes(array.data, chance)
    elif how == 3 and len(array.shape):
        _cut_rows(array, chance)
    else:
        _change_elements(array, chance)


def _cut_rows(array: common_pb2.Array, chance: random.Random) -> None:
    """Fewer rows, told and sent alike."""
    rows = array.shape[0]
    left = chance.randrange(rows) if 0 < rows < 1 << 20 else 0
    array.data = array.data[: len(array.data) // max(1, rows) * left]
    array.shape[0] = left


def _change_elements(array: common_pb2.Array, chance: random.Random) -> None:
    dtype = np.dtype(_SIZES_OF_DTYPES.get(array.dtype, "u1"))
    elements = np.frombuffer(array.data[: len(array.data) // dtype.itemsize * dtype.itemsize], dtype).copy()
    if not len(elements):
        return
    values = _NUMBERS if dtype.kind == "f" else _LARGE_INTEGERS
    with np.errstate(all="ignore"):
        for _ in range(chance.choice((1, 1, 4, len(elements)))):
            value = chance.choice(values)
            elements[chance.randrange(len(elements))] = value if dtype.kind == "f" else np.int64(value).astype(dtype)
    array.data = elements.tobytes()
