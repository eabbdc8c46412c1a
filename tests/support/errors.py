"""What a refused call said."""

from collections.abc import Callable
from typing import Any

import grpc
import pytest
from google.protobuf import message
from google.rpc import error_details_pb2
from grpc_status import rpc_status


def expect_refusal(call: Callable[[], Any], code: grpc.StatusCode) -> grpc.RpcError:
    """The error of a call that must fail with `code`."""
    with pytest.raises(grpc.RpcError) as caught:
        call()
    assert caught.value.code() is code, caught.value
    return caught.value


def refused_field(call: Callable[[], Any]) -> str:
    """The field that a call refused as INVALID_ARGUMENT names."""
    error = expect_refusal(call, grpc.StatusCode.INVALID_ARGUMENT)
    return detail(error, error_details_pb2.BadRequest()).field_violations[0].field


def detail(error: grpc.RpcError, kind: message.Message) -> message.Message:
    """The detail of that kind in an error."""
    for packed in rpc_status.from_call(error).details:
        if packed.Unpack(kind):
            return kind
    raise AssertionError(f"no {type(kind).__name__} in {error}")
