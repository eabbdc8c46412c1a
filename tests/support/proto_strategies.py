"""Hypothesis strategies for messages, built from the descriptors of the protos and from parts of good requests."""

import math
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from google.protobuf import message_factory
from google.protobuf.descriptor import Descriptor, FieldDescriptor
from google.protobuf.message import Message
from hypothesis import strategies as st

_MOST_REPEATED = 3
_INT32, _INT64 = st.integers(-(2**31), 2**31 - 1), st.integers(-(2**63), 2**63 - 1)
_SCALARS: dict[int, st.SearchStrategy] = {
    FieldDescriptor.TYPE_DOUBLE: st.floats(),
    FieldDescriptor.TYPE_FLOAT: st.floats(width=32),
    FieldDescriptor.TYPE_INT32: _INT32,
    FieldDescriptor.TYPE_SINT32: _INT32,
    FieldDescriptor.TYPE_INT64: _INT64,
    FieldDescriptor.TYPE_ENUM: st.integers(-1, 9) | _INT32,
    FieldDescriptor.TYPE_BOOL: st.booleans(),
    FieldDescriptor.TYPE_STRING: st.text(max_size=80),
    FieldDescriptor.TYPE_BYTES: st.binary(max_size=80),
}


class Messages:
    """Strategies by kind of message.

    Args:
        good: Requests that are answered; their parts are drawn among others, so that messages get past the first check.
    """

    def __init__(self, good: Iterable[Message]) -> None:
        self._known: dict[str, list[Any]] = defaultdict(list)
        self._made: dict[str, st.SearchStrategy] = {}
        for request in good:
            self._learn(request)

    def like(self, kind: Descriptor) -> st.SearchStrategy[Message]:
        """Any message of a kind: each field absent, from a good request, or anything that its type can hold."""
        if kind.full_name not in self._made:
            fields = {field.name: self._field(field) for field in kind.fields}
            make = message_factory.GetMessageClass(kind)
            drawn = st.fixed_dictionaries({}, optional=fields)
            self._made[kind.full_name] = drawn.map(lambda values: _filled(make(), values))
        return self._made[kind.full_name]

    def _field(self, field: FieldDescriptor) -> st.SearchStrategy:
        one = _SCALARS[field.type] if field.message_type is None else self.like(field.message_type)
        if known := self._known[field.full_name]:
            one = st.sampled_from(known) | one
        return st.lists(one, max_size=_MOST_REPEATED) if field.is_repeated else one

    def _learn(self, message: Message) -> None:
        for field, value in message.ListFields():
            for each in value if field.is_repeated else [value]:
                if each not in self._known[field.full_name] and not (isinstance(each, float) and math.isnan(each)):
                    self._known[field.full_name].append(each)
                if field.message_type is not None:
                    self._learn(each)


def _filled(message: Message, values: dict[str, Any]) -> Message:
    for name, value in values.items():
        field = message.DESCRIPTOR.fields_by_name[name]
        if field.is_repeated:
            getattr(message, name).extend(value)
        elif field.message_type is not None:
            getattr(message, name).CopyFrom(value)
        else:
            setattr(message, name, value)
    return message
