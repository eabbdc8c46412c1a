"""All four servers over mutual TLS with tokens, for everything that calls them."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.authorities import GREEDY_TOKEN, Authority
from tests.support.servers import running
from visum_client import AsyncClient, Client, Credentials
from visum_client.cli import build_parser, main
from visum_client.commands.serve import security_flags
from visum_client.credentials import VARIABLES
from visum_client.local import MODULES
from visum_client.methods import SERVICES
from visum_clustering.server import ClusteringSettings
from visum_clustering.server import build as build_clustering
from visum_mask.server import MaskServerSettings
from visum_mask.server import build as build_mask
from visum_proposals.server import build as build_proposals
from visum_runtime.settings import ServerSettings
from visum_specializer.server import SpecializerSettings
from visum_specializer.server import build as build_specializer

SERVERS = {
    "mask": (MaskServerSettings, build_mask),
    "proposals": (ServerSettings, build_proposals),
    "clustering": (ClusteringSettings, build_clustering),
    "specializer": (SpecializerSettings, build_specializer),
}


@dataclass(frozen=True)
class Guarded:
    """Where the four servers are, and the files that they ask for."""

    addresses: str
    files: dict[str, str]

    def environment(self) -> dict[str, str]:
        return {"VISUM_SERVICES": self.addresses} | {VARIABLES[name]: path for name, path in self.files.items()}

    def flags(self) -> list[str]:
        return [f"--{name.replace('_', '-')}={path}" for name, path in self.files.items()]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory) -> Iterator[Guarded]:
    folder: Path = tmp_path_factory.mktemp("guarded")
    authority = Authority(folder)
    server, shown = authority.issue("server"), authority.issue("client", common_name="client")
    (folder / "tokens").write_text(f"alice:{GREEDY_TOKEN}\n")
    (folder / "token").write_text(GREEDY_TOKEN)
    security = {
        "tls_certificate": str(server.certificate),
        "tls_key": str(server.key),
        "tls_client_ca": str(authority.path),
        "token_file": str(folder / "tokens"),
    }
    with ExitStack() as stack:
        ports = {}
        for name, (kind, build) in SERVERS.items():
            settings = kind(port=0, drain_seconds=5, **security)
            ports[name] = stack.enter_context(running(build(settings), settings)).port
        addresses = ",".join(f"{name}=localhost:{port}" for name, port in ports.items())
        files = {"tls_ca": authority.path, "tls_certificate": shown.certificate, "tls_key": shown.key}
        files["token_file"] = folder / "token"
        yield Guarded(addresses, {name: str(path) for name, path in files.items()})


def test_a_client_with_credentials_reaches_each_of_the_four(guarded):
    assert set(SERVERS) == set(MODULES) == set(SERVICES)
    with Client.connect(guarded.addresses, Credentials(**guarded.files)) as client:
        assert {name: client.server_info(name).service for name in SERVICES} == SERVICES


async def test_so_does_one_for_programs_with_an_event_loop_by_the_environment(guarded):
    async with AsyncClient.from_env(guarded.environment()) as client:
        found = await asyncio.gather(*(client.server_info(name) for name in SERVICES))
    assert [info.service for info in found] == list(SERVICES.values())


def test_so_does_the_command_line_by_flags_and_by_the_environment(guarded, capsys, monkeypatch):
    assert main(["doctor", "--json", "--services", guarded.addresses, *guarded.flags()]) == 0
    assert set(json.loads(capsys.readouterr().out)["services"]) == set(SERVICES)
    for name, value in guarded.environment().items():
        monkeypatch.setenv(name, value)
    assert main(["doctor", "--json"]) == 0
    assert GREEDY_TOKEN not in "".join(capsys.readouterr())


def test_without_the_token_the_command_line_says_what_to_give(guarded, capsys):
    flags = [flag for flag in guarded.flags() if "token" not in flag]
    assert main(["doctor", "--services", guarded.addresses, *flags]) == 1
    assert "no token that is known here was shown" in capsys.readouterr().out


def test_a_file_that_is_missing_is_bad_usage(capsys):
    assert main(["doctor", "--services", "mask=localhost:1", "--tls-ca", "nowhere.pem"]) == 2
    assert "tls_ca: nowhere.pem cannot be read" in capsys.readouterr().err


def test_what_visum_serve_is_told_reaches_every_server():
    told = ["--tls-certificate", "a.crt", "--tls-key", "a.key", "--tls-client-ca", "ca.crt", "--token-file", "tokens"]
    parser = build_parser()
    words = ["serve", *told, "--insecure-listen-without-authentication"]
    flags = security_flags(parser.parse_args(words))
    for kind, _ in SERVERS.values():
        settings = kind.parse("test", ["--host", "0.0.0.0", *flags], {})
        assert (settings.tls_certificate, settings.tls_key) == ("a.crt", "a.key")
        assert (settings.tls_client_ca, settings.token_file) == ("ca.crt", "tokens")
        assert settings.insecure_listen_without_authentication is True
    assert security_flags(parser.parse_args(["serve"])) == ()
