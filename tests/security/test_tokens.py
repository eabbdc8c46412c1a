"""Bearer tokens: who shows none is not served, and no token shows anywhere."""

import asyncio
import hmac
import json
import logging

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from visum.v1 import mask_pb2, mask_pb2_grpc

from tests.support.authorities import GREEDY_TOKEN, MODEST_TOKEN, Authority, tls_settings, with_token
from tests.support.errors import expect_refusal
from tests.support.servers import running
from tests.support.waiting_service import WaitingService, ask, ask_once, caller, until
from visum_client import AuthenticationError, Credentials, ServiceFaultError
from visum_runtime.logs import log
from visum_runtime.tokens import Tokens

OTHER_TOKEN = "another-token-0123456789"


@pytest.fixture
def authority(tmp_path) -> Authority:
    return Authority(tmp_path)


@pytest.fixture
def tokens(tmp_path):
    path = tmp_path / "tokens"
    path.write_text(f"# who may call\ngreedy: {GREEDY_TOKEN}\n\nmodest: {MODEST_TOKEN}\n")
    return path


@pytest.fixture
def settings(authority, tokens):
    return tls_settings(authority.issue("server"), token_file=str(tokens), health_port=0, metrics_port=0)


def passing(**options: int) -> WaitingService:
    made = WaitingService(**options)
    made.gate.set()
    return made


async def test_callers_are_known_by_their_tokens_and_nobody_is_served_without(authority, settings, tmp_path, logged):
    service = passing()
    with running(service.service(), settings) as server:
        assert await ask_once(server.port, with_token(authority, tmp_path, GREEDY_TOKEN)) == "token greedy"
        assert await ask_once(server.port, with_token(authority, tmp_path, MODEST_TOKEN)) == "token modest"
        for nobody in (with_token(authority, tmp_path, OTHER_TOKEN), Credentials(tls_ca=authority.path)):
            with pytest.raises(AuthenticationError, match="no token that is known here was shown") as caught:
                await ask_once(server.port, nobody)
            assert OTHER_TOKEN not in str(caught.value) + caught.value.cause
    entries = [json.loads(line) for line in logged.getvalue().splitlines()]
    assert [entry["event"] for entry in entries].count("refused") == 2
    assert {entry["caller"] for entry in entries if entry["event"] == "call"} == {"token greedy", "token modest"}
    assert not any(token in logged.getvalue() for token in (GREEDY_TOKEN, MODEST_TOKEN, OTHER_TOKEN))


def test_nothing_on_the_port_of_calls_answers_without_a_token_and_probes_need_none(authority, settings):
    with running(passing().service(), settings) as server:
        plain = grpc.ssl_channel_credentials(authority.path.read_bytes())
        with grpc.secure_channel(f"localhost:{server.port}", plain) as channel:
            health = health_pb2_grpc.HealthStub(channel)
            stub = mask_pb2_grpc.MaskServiceStub(channel)
            reflection = reflection_pb2_grpc.ServerReflectionStub(channel)
            listing = reflection_pb2.ServerReflectionRequest(list_services="")
            for call in (
                lambda: health.Check(health_pb2.HealthCheckRequest()),
                lambda: list(health.Watch(health_pb2.HealthCheckRequest())),
                lambda: list(reflection.ServerReflectionInfo(iter([listing]))),
                lambda: stub.ListModels(mask_pb2.ListModelsRequest()),
                lambda: stub.ExtractMask(mask_pb2.ExtractMaskRequest(target=1)),
            ):
                expect_refusal(call, grpc.StatusCode.UNAUTHENTICATED)
        with grpc.insecure_channel(f"localhost:{server.health_port}") as probes:
            answer = health_pb2_grpc.HealthStub(probes).Check(health_pb2.HealthCheckRequest(service="readiness"))
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
            reflection = reflection_pb2_grpc.ServerReflectionStub(probes)
            expect_refusal(lambda: list(reflection.ServerReflectionInfo(iter([]))), grpc.StatusCode.UNIMPLEMENTED)


async def test_tokens_are_replaced_while_a_call_runs(authority, settings, tokens, tmp_path, logged):
    """Its call ends well, the client shows the new token at the next, and the old one opens nothing more."""
    service = WaitingService()
    credentials = with_token(authority, tmp_path, GREEDY_TOKEN)
    with running(service.service(), settings) as server:
        client = caller(server.port, credentials)
        held = asyncio.create_task(ask(client))
        await until(lambda: service.asked)
        tokens.write_text(f"renamed: {OTHER_TOKEN}\n")
        (tmp_path / "token-of-greedy").write_text(OTHER_TOKEN)
        service.gate.set()
        assert await held == "token greedy"
        assert await ask(client) == "token renamed"
        with pytest.raises(AuthenticationError):
            await ask_once(server.port, with_token(authority, tmp_path, MODEST_TOKEN))
        tokens.unlink()
        for _ in range(2):
            assert await ask(client) == "token renamed", "a file that is gone locks nobody out"
        tokens.write_text("renamed: too short\n")
        for _ in range(2):
            assert await ask(client) == "token renamed"
        tokens.write_text(f"third: {MODEST_TOKEN}\n")
        assert await ask_once(server.port, with_token(authority, tmp_path, MODEST_TOKEN)) == "token third"
        await client.close()
    events = [json.loads(line)["event"] for line in logged.getvalue().splitlines()]
    told = [event for event in events if event.startswith("tokens")]
    assert told == ["tokens read", "tokens kept", "tokens kept", "tokens read"]


def test_all_tokens_are_compared_wherever_the_right_one_stands(tokens, monkeypatch):
    seen = []

    def counted(first, second):
        seen.append((len(first), len(second)))
        return hmac_compare(first, second)

    hmac_compare = hmac.compare_digest
    known = Tokens(tokens)
    monkeypatch.setattr(hmac, "compare_digest", counted)
    shown = [GREEDY_TOKEN, MODEST_TOKEN, OTHER_TOKEN, "x", GREEDY_TOKEN + "x"]
    assert [known.name_of(f"Bearer {token}") for token in shown] == ["greedy", "modest", None, None, None]
    assert known.name_of("") is None
    assert known.name_of(GREEDY_TOKEN) is None
    assert seen == [(32, 32)] * 2 * len(shown)


@pytest.mark.parametrize(
    "content", ["", "# nobody\n", GREEDY_TOKEN, f":{GREEDY_TOKEN}", "name: short", "name: with a space in the token"]
)
def test_a_file_of_another_form_is_refused_without_showing_it(tmp_path, content):
    path = tmp_path / "tokens"
    path.write_text(content)
    with pytest.raises(OSError, match=r"token file tokens(, line 1 is not NAME:TOKEN| holds no token)") as caught:
        Tokens(path)
    assert GREEDY_TOKEN not in str(caught.value)


def test_a_caller_may_have_two_tokens_for_a_while(tmp_path):
    path = tmp_path / "tokens"
    path.write_text(f"alice:{GREEDY_TOKEN}\nalice:{MODEST_TOKEN}\n")
    tokens = Tokens(path)
    assert {tokens.name_of(f"Bearer {token}") for token in (GREEDY_TOKEN, MODEST_TOKEN)} == {"alice"}


@pytest.mark.parametrize("is_debugging", [False, True], ids=["usual", "debugging"])
async def test_faults_say_nothing_to_callers_and_no_secret_or_path_to_the_log(
    is_debugging, authority, settings, tmp_path, logged
):
    """Whatever an error of the work carries: metadata of the call, keys, addresses with passwords."""
    logging.getLogger("visum").setLevel("DEBUG" if is_debugging else "INFO")
    service = passing()
    key = authority.issue("spare").key.read_text()
    service.fault = RuntimeError(f"metadata: 'authorization', 'Bearer {GREEDY_TOKEN}' {key} s3://me:pass@host/x")
    with running(service.service(), settings) as server:
        with pytest.raises(ServiceFaultError) as caught:
            await ask_once(server.port, with_token(authority, tmp_path, GREEDY_TOKEN))
    said = str(caught.value) + caught.value.cause
    assert "internal error; the server's log has the details" in said
    assert not any(word in said for word in ("Traceback", str(tmp_path), "Bearer", "metadata", __file__, "s3://"))
    (fault,) = [entry for line in logged.getvalue().splitlines() if (entry := json.loads(line))["event"] == "fault"]
    assert fault["error"] == "RuntimeError"
    assert fault["at"].startswith("visum_runtime/")
    if is_debugging:
        assert 'File "support/waiting_service.py", line' in fault["traceback"]
        assert "Bearer [hidden]" in fault["traceback"]
    else:
        assert not any(word in logged.getvalue() for word in ("raceback", "Bearer", "metadata", "s3://"))
    for secret in (GREEDY_TOKEN, key.splitlines()[1], "PRIVATE", "me:pass", str(tmp_path), __file__.rpartition("/")[0]):
        assert secret not in logged.getvalue()


def test_logs_hide_secrets_in_facts_too(logged):
    log("x", header="bearer abcdef", place="https://user@host/path?x=1", plain="s3://bucket/a@b.jpg")
    entry = json.loads(logged.getvalue())
    assert entry["header"] == "Bearer [hidden]"
    assert entry["place"] == "https://[hidden]@host/path?x=1"
    assert entry["plain"] == "s3://bucket/a@b.jpg"
