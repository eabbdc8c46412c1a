"""`visum doctor`: what is installed, which device is used, whether the services answer."""

import argparse
import os
import platform
from importlib import metadata
from typing import Any

from visum_client.client import Client
from visum_client.commands.command import Command, add_services_flag, open_client
from visum_client.connected import SERVICES_VARIABLE
from visum_client.errors import VisumError
from visum_client.methods import SERVICES

_EXAMPLES = """\
  visum doctor
  visum doctor --services mask=gpu:50051,proposals=cpu:50052,clustering=cpu:50053,specializer=gpu:50054"""
_CLIENT = ("visum-client", "visum-protos", "visum-wire", "grpcio", "protobuf", "numpy", "pillow")
_SERVICES = ("visum-mask", "visum-proposals", "visum-clustering", "visum-specializer", "visum-models", "visum-runtime")
_OTHERS = ("visum-evaluation", "visum-demo", "torch", "torchvision", "fsspec", "obstore")


def configure(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of `visum doctor`."""
    add_services_flag(parser)


def run(arguments: argparse.Namespace) -> dict[str, Any]:
    """Asks everything; returns the findings, with exit code 1 where something is wrong."""
    packages = {name: _version(name) for name in (*_CLIENT, *_SERVICES, *_OTHERS)}
    with open_client(arguments, dict(os.environ)) as client:
        services = {name: _service(client, name) for name in SERVICES}
    problems = [
        f"{name}: version {version} does not fit client {packages['visum-client']}; install both of one version"
        for name, version in packages.items()
        if name.startswith("visum-") and version and not fits(version, str(packages["visum-client"]))
    ]
    problems += [f"{name} service: {found['error']}" for name, found in services.items() if "error" in found]
    problems += [
        f"{name} service: version {found['version']} does not fit client {packages['visum-client']}; "
        "bring both to one version"
        for name, found in services.items()
        if "version" in found and not fits(found["version"], str(packages["visum-client"]))
    ]
    return {
        "python": platform.python_version(),
        "where": arguments.services or os.environ.get(SERVICES_VARIABLE) or "started for this command",
        "device": ", ".join(sorted({found["device"] for found in services.values() if "device" in found})),
        "packages": packages,
        "services": services,
        "problems": problems,
        "exit_code": 1 if problems else 0,
    }


def show(findings: dict[str, Any]) -> str:
    """The findings, for people."""
    lines = [f"python {findings['python']}"]
    lines += [f"  {name:<18} {version or 'not installed'}" for name, version in findings["packages"].items()]
    lines += [f"device {findings['device'] or 'unknown'}", f"services, {findings['where']}"]
    for name, found in findings["services"].items():
        if "error" not in found:
            text = f"version {found['version']}, algorithms {found['algorithm_version']}, on {found['device']}"
            lines.append(f"  {name:<18} {text}{'' if found['deterministic'] else ', not deterministic'}")
    lines += [f"problem: {problem}" for problem in findings["problems"]] or ["all is well"]
    return "\n".join(lines)


def fits(server: str, client: str) -> bool:
    """True where the versions agree in their first two numbers."""
    return server.split(".")[:2] == client.split(".")[:2]


def _service(client: Client, name: str) -> dict[str, Any]:
    try:
        info = client.server_info(name)
    except VisumError as error:
        return {"error": str(error)}
    return {
        "version": info.version,
        "algorithm_version": info.algorithm_version,
        "device": info.device,
        "deterministic": info.deterministic,
        "preferred_concurrency": info.preferred_concurrency,
    }


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


COMMAND = Command("doctor", "check the installation and the services", _EXAMPLES, configure, run, show)
