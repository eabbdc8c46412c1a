"""`visum serve`: the services of this machine in the foreground."""

import argparse
import asyncio
import contextlib
import json
import os
import sys
from pathlib import Path
from typing import Any

from visum_client.channels import format_addresses
from visum_client.commands.command import Command
from visum_client.connected import SERVICES_VARIABLE
from visum_client.errors import ServiceUnavailableError
from visum_client.local import MODULES, LocalServices, LocalSettings

FIRST_PORT = 50051
_SECURITY_FILES = {
    "tls-certificate": "the servers' certificate chain, PEM: calls go over TLS",
    "tls-key": "its key, PEM",
    "tls-client-ca": "authorities, PEM: callers must show a certificate that one has signed",
    "token-file": "tokens, NAME:TOKEN a line: callers must show one",
}
_LET_IN_ANYBODY = "insecure-listen-without-authentication"
_EXAMPLES = """\
  visum serve                                     all four services, until Ctrl-C
  visum serve --model-dir networks/               with networks of your own
  visum serve --host 0.0.0.0 --tls-certificate server.crt --tls-key server.key --token-file tokens
                                                  for other machines, for callers with tokens
  visum serve mask --port 50051 --device cuda     one service; its own flags: visum serve mask --help"""


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `visum serve`."""
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    for number, service in enumerate(MODULES):
        text = f"port of the {service} service; 0 takes any free port (default: %(default)s)"
        parser.add_argument(f"--{service}-port", type=int, default=FIRST_PORT + number, help=text)
    parser.add_argument("--threads", type=int, help="cores to use (default: all)")
    parser.add_argument("--model-dir", type=Path, help="folder of networks (.pth, .pt, .pt2), with cards (.json)")
    text = "exported programs (.pt2) of that folder may be loaded, which can execute code"
    parser.add_argument("--trust-model-dir", action="store_true", help=text)
    for name, what in _SECURITY_FILES.items():
        parser.add_argument(f"--{name}", metavar="FILE", type=Path, help=what)
    text = "listen on other addresses than the loopback although anybody who reaches them may call"
    parser.add_argument(f"--{_LET_IN_ANYBODY}", action="store_true", help=text)


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Serves until interrupted. Raises ServiceUnavailableError where a service does not start or does not stay."""
    settings = LocalSettings(
        host=arguments.host,
        ports={service: getattr(arguments, f"{service}_port") for service in MODULES},
        threads=arguments.threads,
        model_dir=arguments.model_dir,
        trust_model_dir=arguments.trust_model_dir,
        show_logs=not arguments.quiet,
        flags=security_flags(arguments),
    )
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(LocalServices(settings), as_json=arguments.json))
    return {}


def show(result: dict[str, Any]) -> str:
    """Nothing: all was said while it served."""
    return ""


def serve_one(argv: list[str]) -> None:
    """Becomes the server of one service: this process, with the server's own flags."""
    service, *flags = argv
    os.execv(sys.executable, [sys.executable, "-m", MODULES[service], *flags])


def security_flags(arguments: argparse.Namespace) -> tuple[str, ...]:
    """What a server is told of certificates, tokens and strangers, as flags that each server takes."""
    files = {name: getattr(arguments, name.replace("-", "_")) for name in _SECURITY_FILES}
    flags = [f"--{name}={file}" for name, file in files.items() if file is not None]
    return (*flags, *([f"--{_LET_IN_ANYBODY}"] if arguments.insecure_listen_without_authentication else []))


async def _serve(services: LocalServices, *, as_json: bool) -> None:
    try:
        found = await asyncio.gather(*(services.address(service) for service in MODULES))
        addresses = dict(zip(MODULES, found, strict=True))
        line = f"{SERVICES_VARIABLE}={format_addresses(addresses)}"
        print(json.dumps({"services": addresses}) if as_json else line, flush=True)
        await services.gave_up.wait()
        failures = [failure for service in MODULES if (failure := services.failure(service))]
        raise failures[0] if failures else ServiceUnavailableError("a service ended")
    finally:
        await services.close()


COMMAND = Command("serve", "start the services of this machine", _EXAMPLES, configure, run, show)
