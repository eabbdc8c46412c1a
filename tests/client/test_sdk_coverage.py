"""The client against the stubs: every call of every service has a description here, and someone who makes it."""

import ast
import inspect
import pickle
from pathlib import Path

import grpc
import pytest
from visum.v1 import clustering_pb2, info_pb2, mask_pb2, proposal_pb2, specializer_pb2

import visum_client
from visum_client import Client, InvalidInputError, ServiceUnavailableError, VisumError, errors, methods
from visum_client.errors import from_rpc
from visum_client.remote import RemoteServices
from visum_client.scheduler import Services

CLIENT = Path(visum_client.__file__).parent
STUBS = (mask_pb2, proposal_pb2, clustering_pb2, specializer_pb2, info_pb2)


def described() -> dict[str, methods.Method]:
    """The calls that the client knows, by their path."""
    found = {value.path: value for value in vars(methods).values() if isinstance(value, methods.Method)}
    info = methods.server_info("mask")
    return found | {info.path: info}


def calls() -> dict[str, tuple[str, str]]:
    """Full names of request and answer of every call of the stubs, by its path."""
    return {
        f"/{service.full_name}/{method.name}": (method.input_type.full_name, method.output_type.full_name)
        for module in STUBS
        for service in module.DESCRIPTOR.services_by_name.values()
        for method in service.methods
    }


def test_the_client_describes_every_call_of_the_stubs_with_its_messages():
    known = {
        path: (method.request.DESCRIPTOR.full_name, method.response.DESCRIPTOR.full_name)
        for path, method in described().items()
    }
    assert known == calls()


def test_every_described_call_is_made_somewhere():
    names = {name for name, value in vars(methods).items() if isinstance(value, methods.Method)} | {"server_info"}
    used: set[str] = set()
    for path in CLIENT.rglob("*.py"):
        if path.name != "methods.py":
            used |= {node.id for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Name)}
    assert names <= used


ERRORS = [kind for kind in vars(errors).values() if inspect.isclass(kind) and issubclass(kind, VisumError)]


@pytest.mark.parametrize("kind", ERRORS, ids=lambda kind: kind.__name__)
def test_every_error_says_what_to_do_and_survives_pickling(kind):
    error = kind("is wrong", "weights", image="dogs/1.jpg", cause="UNAVAILABLE: gone")
    assert error.what_to_do
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again)) == (kind, "dogs/1.jpg: weights: is wrong")
    assert (again.image, again.cause, again.what_to_do) == (error.image, error.cause, error.what_to_do)
    assert str(kind("is wrong", what_to_do="mend it")) == "is wrong; mend it"


@pytest.mark.parametrize("code", [code for code in grpc.StatusCode if code is not grpc.StatusCode.OK])
def test_no_grpc_status_is_left_without_an_error_of_ours(code):
    failed = grpc.aio.AioRpcError(code, grpc.aio.Metadata(), grpc.aio.Metadata(), details="because")
    error = from_rpc(failed, "mask")
    assert isinstance(error, VisumError)
    assert error.cause == f"mask service: {code.name}: because"
    assert "because" in str(error)


@pytest.mark.parametrize("address", ["127.0.0.1:1", "no such host:1", "unix:/nowhere", ":::"])
async def test_no_grpc_exception_leaks_from_a_wrong_address(address):
    services = Services(RemoteServices({"mask": address}), unavailable_seconds=0)
    with pytest.raises(ServiceUnavailableError, match="does not answer") as caught:
        await services.connection("mask")
    assert caught.value.__suppress_context__
    assert not isinstance(caught.value.__cause__, grpc.RpcError)
    await services.close()


def test_a_wrong_service_name_is_named(services):
    with Client.connect(services.addresses) as client, pytest.raises(InvalidInputError, match="service: is 'masks'"):
        client.server_info("masks")
