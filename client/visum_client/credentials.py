"""How a client and the services know each other: certificates and tokens."""

import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Self

import grpc

from visum_client.errors import InvalidInputError

VARIABLES = {
    "tls_ca": "VISUM_TLS_CA",
    "tls_certificate": "VISUM_TLS_CERTIFICATE",
    "tls_key": "VISUM_TLS_KEY",
    "token_file": "VISUM_TOKEN_FILE",
}
"""Environment variable of each field of `Credentials`."""


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """What a client shows of itself and wants to see of services. With credentials, all calls go over TLS.

    Raises:
        InvalidInputError: A file cannot be used; `field` names it.
    """

    tls_ca: str | os.PathLike[str] | None = None
    """Certificates (PEM) of the authorities that sign those of the services; None: the public ones."""
    tls_certificate: str | os.PathLike[str] | None = None
    """The client's own certificate chain (PEM), where services ask for one."""
    tls_key: str | os.PathLike[str] | None = None
    """Its key (PEM)."""
    token_file: str | os.PathLike[str] | None = None
    """File of the token that calls show; read anew when it changes."""

    def __post_init__(self) -> None:
        if (self.tls_certificate is None) != (self.tls_key is None):
            raise InvalidInputError("is needed with the certificate, and with it alone", "tls_key")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if self.tls_ca is not None:
            _try("tls_ca", "certificates (PEM)", context.load_verify_locations, self.tls_ca)
        if self.tls_certificate is not None and self.tls_key is not None:
            what = "a certificate (PEM) with its key, without a password"
            key = Path(self.tls_key)
            _try("tls_certificate", what, lambda path: context.load_cert_chain(path, key, ""), self.tls_certificate)
        if self.token_file is not None:
            _try("token_file", "a token, ASCII without spaces", _read_token, self.token_file)

    @classmethod
    def given(cls, environ: Mapping[str, str], flags: Mapping[str, Any] | None = None) -> Self | None:
        """The credentials that flags name, or else the environment; None where neither names any.

        Args:
            environ: Has the VARIABLES.
            flags: Files by field; None where the environment is to say.

        Raises:
            InvalidInputError: A file cannot be used; `field` names it.
        """
        found = {
            field.name: (flags or {}).get(field.name) or environ.get(VARIABLES[field.name]) or None
            for field in fields(cls)
        }
        return cls(**found) if any(found.values()) else None

    def for_channel(self) -> grpc.ChannelCredentials:
        """What gRPC opens a channel with."""
        ca, key, certificate = map(_content, (self.tls_ca, self.tls_key, self.tls_certificate))
        channel = grpc.ssl_channel_credentials(ca, key, certificate)
        if self.token_file is None:
            return channel
        shown = grpc.metadata_call_credentials(_ShownToken(Path(self.token_file)), name="visum-token")
        return grpc.composite_channel_credentials(channel, shown)


class _ShownToken(grpc.AuthMetadataPlugin):
    """Puts the token of a file into the metadata of each call; gRPC does so over TLS alone."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self, context: grpc.AuthMetadataContext, callback: grpc.AuthMetadataPluginCallback) -> None:
        try:
            callback((("authorization", f"Bearer {_read_token(self._path)}"),), None)
        except (OSError, ValueError) as error:
            callback((), error)


def _read_token(path: Path) -> str:
    """Raises ValueError where the file holds no token; does not say what it holds."""
    token = path.read_text(encoding="utf-8", errors="replace").strip()
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        raise ValueError(f"{path.name} holds no token")
    return token


def _try(field: str, what: str, use: Any, path: str | os.PathLike[str]) -> None:
    try:
        use(Path(path))
    except (ssl.SSLError, ValueError) as error:
        raise InvalidInputError(f"{os.fspath(path)} is not {what}", field) from error
    except OSError as error:
        raise InvalidInputError(f"{os.fspath(path)} cannot be read: {error.strerror}", field) from error


def _content(path: str | os.PathLike[str] | None) -> bytes | None:
    return None if path is None else Path(path).read_bytes()
