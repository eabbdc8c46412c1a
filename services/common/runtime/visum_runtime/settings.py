"""Settings of a server: frozen, validated, read from flags and the environment."""

import argparse
import dataclasses
import ipaddress
import os
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, get_type_hints

from visum_runtime.uris import parse_prefixes

ENVIRONMENT_PREFIX = "VISUM_SERVER_"
LOG_LEVELS = ("debug", "info", "warning", "error")
MEBIBYTE = 1 << 20


def setting(default: Any, text: str) -> Any:
    """A dataclass field with the line of help that its flag shows."""
    return dataclasses.field(default=default, metadata={"help": text})


@dataclass(frozen=True, kw_only=True)
class ServerSettings:
    """What every server can be told. Flags win over the environment, the environment over the defaults.

    A field `port` is the flag `--port` and the environment variable `VISUM_SERVER_PORT`.

    Raises:
        ValueError: A value is out of its range; the message names the field.
    """

    host: str = setting("127.0.0.1", "address to listen on")
    port: int = setting(50051, "port of the service; 0 takes any free port")
    health_port: int = setting(-1, "port of the plain-text health service for probes; 0 any free port, -1 none")
    metrics_port: int = setting(-1, "port of the Prometheus metrics; 0 any free port, -1 none")
    tls_certificate: str = setting("", "file of the server's certificate chain, PEM: calls go over TLS")
    tls_key: str = setting("", "file of its key, PEM")
    tls_client_ca: str = setting("", "file of authorities, PEM: callers must show a certificate that one has signed")
    token_file: str = setting("", "file of tokens, NAME:TOKEN a line: callers must show one")
    insecure_listen_without_authentication: bool = setting(
        False, "listen on other addresses than the loopback although anybody who reaches them may call"
    )
    threads: int = setting(1, "worker threads behind the queue")
    max_batch: int = setting(1, "calls worked on together by one worker thread")
    linger_seconds: float = setting(0.02, "time that an incomplete batch waits for more calls")
    queue_capacity: int = setting(256, "calls that wait at most; more are answered RESOURCE_EXHAUSTED")
    max_calls_per_caller: int = setting(
        0, "calls of one caller in flight at most; 0: as many as can be worked on and wait"
    )
    max_message_bytes: int = setting(16 * MEBIBYTE, "largest message, bytes")
    max_image_bytes: int = setting(15 * MEBIBYTE, "largest encoded image, bytes")
    max_image_pixels: int = setting(64_000_000, "largest decoded image, pixels")
    allowed_uri_prefixes: str = setting(
        "", "folders (file:///...) and addresses (https://...) that images may be read from by URI, separated by commas"
    )
    allow_private_uri_addresses: bool = setting(
        False, "also read from allowed hosts whose addresses are of private networks or the loopback"
    )
    uri_ca: str = setting("", "file of authorities, PEM, that allowed hosts are known by; empty: those of the system")
    uri_seconds: float = setting(30.0, "time that reading an image by URI may take")
    max_connection_age_seconds: float = setting(
        120.0, "age at which connections are renewed, for new replicas to get work"
    )
    drain_seconds: float = setting(60.0, "time that calls in flight get after SIGTERM")
    log_level: str = setting("info", f"one of {', '.join(LOG_LEVELS)}")
    until_stdin_closes: bool = setting(False, "end as soon as standard input closes: with the process that started it")

    def __post_init__(self) -> None:
        _require(self.host == "localhost" or _is_address(self.host), "host", "must be an IP address or localhost")
        for name in ("port", "health_port", "metrics_port"):
            lowest = 0 if name == "port" else -1
            _require(lowest <= getattr(self, name) <= 65535, name, f"must be within {lowest}..65535")
        for name in (
            "threads",
            "max_batch",
            "queue_capacity",
            "max_message_bytes",
            "max_image_bytes",
            "max_image_pixels",
        ):
            _require(getattr(self, name) >= 1, name, "must be at least 1")
        for name in ("linger_seconds", "drain_seconds", "max_calls_per_caller"):
            _require(getattr(self, name) >= 0, name, "must not be negative")
        for name in ("max_connection_age_seconds", "uri_seconds"):
            _require(getattr(self, name) > 0, name, "must be positive")
        _require(self.log_level in LOG_LEVELS, "log_level", f"must be one of {', '.join(LOG_LEVELS)}")
        self._check_security()
        self._check_uris()

    def uri_context(self) -> ssl.SSLContext:
        """How hosts of https URIs are known. Raises OSError where the file of authorities cannot be used."""
        return ssl.create_default_context(cafile=self.uri_ca or None)

    def _check_uris(self) -> None:
        try:
            prefixes = parse_prefixes(self.allowed_uri_prefixes)
        except ValueError as error:
            raise ValueError(f"setting allowed_uri_prefixes: {error}") from error
        for prefix in prefixes:
            folder = Path("/").joinpath(*prefix.parts)
            is_there = prefix.scheme != "file" or folder.is_dir()
            _require(is_there, "allowed_uri_prefixes", f"names {folder}, which is not a folder")
        try:
            if self.uri_ca:
                self.uri_context()
        except OSError as error:
            raise ValueError(f"setting uri_ca: {self.uri_ca} is not a file of certificates (PEM)") from error

    def _check_security(self) -> None:
        _require(
            bool(self.tls_certificate) == bool(self.tls_key), "tls_key", "is needed with tls_certificate, and it alone"
        )
        for name in ("tls_client_ca", "token_file"):
            _require(not getattr(self, name) or bool(self.tls_certificate), name, "needs tls_certificate and tls_key")
        authenticated = bool(self.tls_client_ca or self.token_file)
        _require(
            authenticated or self.insecure_listen_without_authentication or _is_loopback(self.host),
            "host",
            f"is {self.host}, which others can reach: callers must be known by tls_certificate, tls_key and token_file "
            "or tls_client_ca; insecure_listen_without_authentication lets in anybody",
        )

    @classmethod
    def parse(cls, program: str, argv: Sequence[str] | None = None, environ: Mapping[str, str] | None = None) -> Self:
        """Reads settings from flags and environment; ends the process with code 2 and a clear line if one is wrong."""
        parser = argparse.ArgumentParser(prog=program, description=(cls.__doc__ or "").splitlines()[0])
        environ = os.environ if environ is None else environ
        types = get_type_hints(cls)
        for field in dataclasses.fields(cls):
            _add_flag(parser, field, types[field.name])
        values = {name: value for name, value in vars(parser.parse_args(argv)).items() if value is not None}
        try:
            for field in dataclasses.fields(cls):
                variable = ENVIRONMENT_PREFIX + field.name.upper()
                if field.name not in values and variable in environ:
                    values[field.name] = _convert(environ[variable], types[field.name], variable)
            return cls(**values)
        except ValueError as error:
            parser.error(str(error))


def _add_flag(parser: argparse.ArgumentParser, field: dataclasses.Field, kind: Any) -> None:
    flag = "--" + field.name.replace("_", "-")
    text = f"{field.metadata['help']} (default: {field.default}; environment: {ENVIRONMENT_PREFIX}{field.name.upper()})"
    text = text.replace("%", "%%")
    if kind is bool:
        parser.add_argument(flag, action=argparse.BooleanOptionalAction, default=None, help=text)
    else:
        parser.add_argument(flag, type=kind, default=None, metavar=kind.__name__.upper(), help=text)


def _convert(text: str, kind: Any, variable: str) -> Any:
    if kind is bool:
        if text.lower() not in ("true", "false", "1", "0"):
            raise ValueError(f"{variable} must be true or false, not {text!r}")
        return text.lower() in ("true", "1")
    try:
        return kind(text)
    except ValueError as error:
        raise ValueError(f"{variable} must be of type {kind.__name__}, not {text!r}") from error


def _require(holds: bool, name: str, rule: str) -> None:
    if not holds:
        raise ValueError(f"setting {name} {rule}")


def _is_loopback(host: str) -> bool:
    return host == "localhost" or ipaddress.ip_address(host).is_loopback


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
