"""TLS and mutual TLS, between real servers and real clients."""

import asyncio
import json

import grpc
import pytest

from tests.support.authorities import Authority, tls_settings, with_certificate
from tests.support.servers import running
from tests.support.waiting_service import WaitingService, ask, ask_once, caller, failure_of, until
from visum_client import AuthenticationError, Credentials, InvalidInputError, ServiceUnavailableError
from visum_client.scheduler import SIGNS_OF_A_STRANGER


@pytest.fixture
def authority(tmp_path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def stranger(tmp_path) -> Authority:
    return Authority(tmp_path, "stranger")


@pytest.fixture
def service() -> WaitingService:
    """A service that lets calls pass."""
    made = WaitingService()
    made.gate.set()
    return made


async def test_a_client_that_trusts_the_authority_is_served(authority, service):
    with running(service.service(), tls_settings(authority.issue("server"))) as server:
        assert await ask_once(server.port, Credentials(tls_ca=authority.path)) == "address ipv4:127.0.0.1"


async def test_a_server_of_another_authority_or_name_is_an_error_at_once(authority, stranger, service):
    with running(service.service(), tls_settings(authority.issue("server"))) as server:
        with pytest.raises(AuthenticationError, match="a certificate that is not trusted here"):
            await ask_once(server.port, Credentials(tls_ca=stranger.path))
        authority.issue("server", "elsewhere.example.org")
        misled = failure_of(server.port, Credentials(tls_ca=authority.path))
        assert any(sign in misled.details() for sign in SIGNS_OF_A_STRANGER)
    assert service.served == []


async def test_mutual_tls_knows_callers_by_their_certificates_and_serves_nobody_without(authority, stranger, service):
    settings = tls_settings(authority.issue("server"), tls_client_ca=str(authority.path))
    alice = with_certificate(authority, authority.issue("alice", "alice.example.org", common_name="alice"))
    bob = with_certificate(authority, authority.issue("bob", "bob.example.org"))
    mallory = with_certificate(authority, stranger.issue("mallory", common_name="alice"))
    with running(service.service(), settings) as server:
        assert await ask_once(server.port, alice) == "certificate alice"
        assert await ask_once(server.port, bob) == "certificate bob.example.org"
        for nobody in (mallory, Credentials(tls_ca=authority.path), None):
            assert failure_of(server.port, nobody).code() is grpc.StatusCode.UNAVAILABLE
        with pytest.raises(ServiceUnavailableError, match="does it speak TLS"):
            await ask_once(server.port, None, patience=0)
    assert len(service.served) == 2


async def test_certificates_are_replaced_while_a_call_runs(authority, stranger, service, logged):
    """The call ends well; who comes later sees the new certificate. A damaged one changes nothing."""
    service.gate.clear()
    files = authority.issue("server")
    with running(service.service(), tls_settings(files)) as server:
        first = caller(server.port, Credentials(tls_ca=authority.path))
        held = asyncio.create_task(ask(first))
        await until(lambda: service.asked)
        stranger.issue("server")
        service.gate.set()
        assert await ask_once(server.port, Credentials(tls_ca=stranger.path))
        assert "CERTIFICATE_VERIFY_FAILED" in failure_of(server.port, Credentials(tls_ca=authority.path)).details()
        assert await held
        assert await ask(first), "a connection that is there goes on"
        files.key.write_text("half a ke")
        assert await ask_once(server.port, Credentials(tls_ca=stranger.path))
        assert await ask_once(server.port, Credentials(tls_ca=stranger.path))
        authority.issue("server")
        assert await ask_once(server.port, Credentials(tls_ca=authority.path))
        await first.close()
    events = [json.loads(line)["event"] for line in logged.getvalue().splitlines()]
    assert [event for event in events if event.startswith("cert")] == [
        "certificates read",
        "certificates kept",
        "certificates read",
    ]
    assert "half a ke" not in logged.getvalue()
    assert "PRIVATE KEY" not in logged.getvalue()


async def test_the_authorities_of_callers_are_replaced_too(authority, stranger, service):
    known = authority.path.with_name("known.pem")
    known.write_bytes(authority.path.read_bytes())
    old = with_certificate(authority, authority.issue("old", common_name="old"))
    new = with_certificate(authority, stranger.issue("new", common_name="new"))
    with running(service.service(), tls_settings(authority.issue("server"), tls_client_ca=str(known))) as server:
        assert await ask_once(server.port, old) == "certificate old"
        known.write_bytes(stranger.path.read_bytes())
        assert await ask_once(server.port, new) == "certificate new"
        assert failure_of(server.port, old).code() is grpc.StatusCode.UNAVAILABLE


def test_a_server_whose_files_do_not_fit_does_not_start(authority, stranger, service):
    files = authority.issue("server")
    files.key.write_bytes(stranger.issue("other").key.read_bytes())
    with pytest.raises(OSError, match=r"server\.crt and server\.key are no certificate \(PEM\) with its key"):
        with running(service.service(), tls_settings(files)):
            pass
    authority.issue("server")
    files.key.with_name("empty.pem").write_text("")
    settings = tls_settings(files, tls_client_ca=str(files.key.with_name("empty.pem")))
    with pytest.raises(OSError, match=r"empty\.pem holds no certificates"):
        with running(WaitingService().service(), settings):
            pass


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"tls_ca": "missing.pem"}, "tls_ca"),
        ({"tls_ca": "garbage.pem"}, "tls_ca"),
        ({"tls_certificate": "garbage.pem", "tls_key": "garbage.pem"}, "tls_certificate"),
        ({"tls_certificate": "garbage.pem"}, "tls_key"),
        ({"token_file": "missing.pem"}, "token_file"),
        ({"token_file": "garbage.pem"}, "token_file"),
        ({"token_file": "empty.pem"}, "token_file"),
    ],
)
def test_credentials_that_cannot_be_used_are_named_and_not_shown(tmp_path, fields, named):
    (tmp_path / "garbage.pem").write_text("this is secret")
    (tmp_path / "empty.pem").write_text("")
    with pytest.raises(InvalidInputError) as caught:
        Credentials(**{name: tmp_path / value for name, value in fields.items()})
    assert caught.value.field == named
    assert "secret" not in json.dumps([str(caught.value), caught.value.cause])
