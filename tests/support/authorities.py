"""Certificates and tokens for tests, made anew in a folder of the test."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import trustme

from visum_client.credentials import Credentials
from visum_runtime.settings import ServerSettings

GREEDY_TOKEN, MODEST_TOKEN = "greedy-0123456789abcdef", "modest-0123456789abcdef"
HERE = ("localhost", "127.0.0.1")


@dataclass(frozen=True)
class Files:
    """Where an identity lies."""

    certificate: Path
    key: Path


class Authority:
    """Signs certificates and puts them into files."""

    def __init__(self, folder: Path, name: str = "authority") -> None:
        self._ca = trustme.CA()
        self._folder = folder
        self.path = folder / f"{name}.pem"
        self._ca.cert_pem.write_to_path(self.path)

    def issue(self, name: str, *hosts: str, common_name: str | None = None) -> Files:
        """A certificate for hosts, in the files of that name; those that are there are replaced."""
        issued = self._ca.issue_cert(*(hosts or HERE), common_name=common_name)
        files = Files(self._folder / f"{name}.crt", self._folder / f"{name}.key")
        issued.private_key_pem.write_to_path(files.key)
        files.certificate.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        return files


def tls_settings(server: Files, **others: Any) -> ServerSettings:
    """Settings of a server with a certificate."""
    return ServerSettings(
        port=0, drain_seconds=5, tls_certificate=str(server.certificate), tls_key=str(server.key), **others
    )


def with_token(authority: Authority, folder: Path, token: str) -> Credentials:
    """Credentials that show a token, from a file of its own."""
    path = folder / f"token-of-{token[:6]}"
    path.write_text(f"{token}\n")
    return Credentials(tls_ca=authority.path, token_file=path)


def with_certificate(authority: Authority, shown: Files) -> Credentials:
    """Credentials that show a certificate."""
    return Credentials(tls_ca=authority.path, tls_certificate=shown.certificate, tls_key=shown.key)
