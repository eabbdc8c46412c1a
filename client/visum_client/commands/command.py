"""What a command of the command line is. Other distributions add theirs by the entry-point group `visum.commands`."""

import argparse
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Any

from visum_client.client import Client
from visum_client.connected import SERVICES_VARIABLE
from visum_client.credentials import VARIABLES, Credentials
from visum_client.errors import InvalidInputError

ENTRY_POINTS = "visum.commands"
"""Each entry point of this group is a `Command` or a `CommandGroup`."""

_FILES = {
    "tls_ca": "call running services over TLS; they must show certificates of these authorities, PEM",
    "tls_certificate": "certificate to show to running services, PEM",
    "tls_key": "its key, PEM",
    "token_file": "file of the token to show to running services",
}


@dataclass(frozen=True)
class Command:
    """One command."""

    name: str
    """What the user types."""
    summary: str
    """What it does, one line."""
    examples: str
    """Lines to learn from."""
    configure: Callable[[argparse.ArgumentParser], None]
    """Adds its flags."""
    run: Callable[[argparse.Namespace], dict[str, Any]]
    """Does it; returns what `--json` prints (empty: nothing), where `exit_code` (default 0) is the exit code."""
    show: Callable[[dict[str, Any]], str]
    """The same for people."""


@dataclass(frozen=True)
class CommandGroup:
    """Commands under one word, as `visum evaluate masks`."""

    name: str
    """The word."""
    summary: str
    """What they do, one line."""
    commands: tuple[Command, ...]
    """What may follow the word."""


def added_commands() -> list[Command | CommandGroup]:
    """The commands of other distributions."""
    return [entry.load() for entry in sorted(entry_points(group=ENTRY_POINTS), key=lambda entry: entry.name)]


def add_services_flag(parser: argparse.ArgumentParser) -> None:
    """Adds the flag that says where the services are."""
    parser.add_argument(
        "--services",
        metavar="ADDRESSES",
        help="use running services, as mask=host:port,proposals=host:port,clustering=host:port,specializer=host:port "
        f"(default: the environment variable {SERVICES_VARIABLE}; without it, services are started for this command)",
    )
    for name, text in _FILES.items():
        flag = "--" + name.replace("_", "-")
        parser.add_argument(flag, metavar="FILE", help=f"{text} (default: {VARIABLES[name]})")
    parser.add_argument(
        "--images-at",
        metavar="URI",
        help="have running services read the images themselves, where their operators allow it: at URI/FOLDER/FILE, as "
        "file:///mnt/photos for /mnt/photos/dogs/1.jpg (default: the images are sent)",
    )


def add_network_flags(parser: argparse.ArgumentParser) -> None:
    """Adds the flags that say where the network of a run is."""
    parser.add_argument("--model", help="name or file of the run's network (default: the name that the run tells)")
    parser.add_argument("--weights", help="its weights file, where the network is named (default: standard weights)")


def open_client(arguments: argparse.Namespace, environ: dict[str, str]) -> Client:
    """A client of the services that the flag or the environment names, or of local ones."""
    services = arguments.services or environ.get(SERVICES_VARIABLE)
    if not services:
        if arguments.images_at:
            raise InvalidInputError("is for running services; name them by --services", "--images-at")
        return Client.local()
    return Client.connect(services, Credentials.given(environ, vars(arguments)), images_at=arguments.images_at)


def tell(text: str) -> None:
    """Says something beside the result: on standard error."""
    print(text, file=sys.stderr, flush=True)
