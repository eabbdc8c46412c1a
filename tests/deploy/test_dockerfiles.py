"""Images, as far as they can be proven without a container engine."""

import json
import os
import re
import subprocess

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.deploy.dockerfiles import DOCKERFILES, ROOT, build, entrypoint, stages
from visum_client.local import MODULES
from visum_runtime.server import READINESS
from visum_runtime.settings import ServerSettings

NAMES = [path.name.removesuffix(".Dockerfile") for path in DOCKERFILES]
SERVERS = [path for path in DOCKERFILES if "client" not in path.name]
WITHOUT_TORCH = {"proposals", "clustering", "client"}


def test_there_is_one_for_each_service_and_one_for_the_client():
    assert set(NAMES) == {*MODULES, "client"}


@pytest.mark.parametrize("path", DOCKERFILES, ids=NAMES)
def test_only_the_environment_is_taken_over_and_nobody_is_root(path):
    first, last = stages(path)
    assert last.all("COPY") == ["--from=build /opt/visum /opt/visum"]
    assert last.all("RUN") == []
    (user,) = last.all("USER")
    assert int(user.split(":")[0]) > 0
    (labels,) = last.all("LABEL")
    for name in ("title", "description", "version", "revision", "licenses"):
        assert f"org.opencontainers.image.{name}=" in labels
    assert all("--constraint constraints.txt" in step for step in first.all("RUN") if "pip install" in step)


@pytest.mark.parametrize("path", DOCKERFILES, ids=NAMES)
def test_only_those_with_networks_know_of_devices(path):
    first, _ = stages(path)
    uses_torch = path.name.removesuffix(".Dockerfile") not in WITHOUT_TORCH
    assert ("DEVICE" in first.arguments()) is uses_torch
    assert any("torch" in step for step in first.all("RUN")) is uses_torch


@pytest.mark.parametrize("name", sorted(set(MODULES) - WITHOUT_TORCH))
@pytest.mark.parametrize(("device", "index"), [("cpu", "https://download.pytorch.org/whl/cpu"), ("cuda", "")])
def test_the_device_decides_where_torch_comes_from(name, device, index, tmp_path):
    first, _ = stages(ROOT / "deploy" / "docker" / f"{name}.Dockerfile")
    (step,) = (step for step in first.all("RUN") if "DEVICE" in step)
    pip = tmp_path / "bin" / "pip"
    pip.parent.mkdir()
    pip.write_text('#!/bin/sh\necho "$PIP_INDEX_URL" "$@"')
    pip.chmod(0o755)
    environment = {"PATH": os.environ["PATH"]} | first.arguments() | {"DEVICE": device}
    command = ["sh", "-euc", step.replace("/opt/visum", str(tmp_path))]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split() == [
        *index.split(),
        *["install", "--constraint", "constraints.txt", "torch", "torchvision"],
    ]


@pytest.mark.parametrize("path", SERVERS, ids=lambda path: path.name)
def test_ports_are_the_settings(path):
    _, last = stages(path)
    variables = {name: value for name, value in last.variables().items() if name.startswith("VISUM_")}
    with pytest.raises(SystemExit):  # an image alone lets nobody in: whoever runs it says how callers are known
        ServerSettings.parse("test", [], variables)
    settings = ServerSettings.parse("test", ["--insecure-listen-without-authentication"], variables)
    (exposed,) = last.all("EXPOSE")
    assert exposed.split() == [str(port) for port in (settings.port, settings.health_port, settings.metrics_port)]
    assert settings.host == "0.0.0.0"
    assert entrypoint(last) == ["python", "-m", MODULES[path.name.removesuffix(".Dockerfile")]]


@pytest.mark.parametrize("path", DOCKERFILES, ids=NAMES)
def test_what_is_copied_is_in_the_context(path):
    admitted = [line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")]
    first, _ = stages(path)
    for text in first.all("COPY"):
        *names, _ = text.split()
        for name in names:
            assert (ROOT / name).exists()
            assert name.split("/")[0] in admitted


@pytest.mark.long
@pytest.mark.parametrize("path", DOCKERFILES, ids=NAMES)
def test_the_install_steps_make_an_environment_that_starts(path, tmp_path):
    first, last = stages(path)
    environment = build(first, tmp_path)
    python = environment / "bin" / "python"
    listed = subprocess.run([python, "-m", "pip", "list", "--format=json"], capture_output=True, text=True, check=True)
    packages = {entry["name"].lower() for entry in json.loads(listed.stdout)}
    name = path.name.removesuffix(".Dockerfile")
    assert ("torch" in packages) is (name not in WITHOUT_TORCH)
    others = {f"visum-{service}" for service in MODULES} - {f"visum-{name}"}
    assert not packages & others
    _check_pins(json.loads(listed.stdout))
    if name == "client":
        shown = subprocess.run([environment / "bin" / "visum", "kube", "--help"], capture_output=True, check=True)
        assert b"submit" in shown.stdout
        subprocess.run([python, "-m", "visum_client.kube.class_run", "--help"], capture_output=True, check=True)
    else:
        _start(python, entrypoint(last)[1:])


def _check_pins(installed) -> None:
    """Every package that constraints.txt names is of the version there."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = dict(line.split("==") for line in lines if not line.startswith("#"))
    pins = {re.sub(r"[-_.]+", "-", name).lower(): version for name, version in pins.items()}
    found = {re.sub(r"[-_.]+", "-", entry["name"]).lower(): entry["version"] for entry in installed}
    assert {name: found[name] for name in found.keys() & pins} == {name: pins[name] for name in found.keys() & pins}


def _start(python, arguments) -> None:
    """Starts the server from the environment and asks its health port, as a probe does."""
    command = [python, *arguments, "--port=0", "--health-port=0", "--metrics-port=0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={"HOME": "/nonexistent"}, cwd="/")
    try:
        announced = json.loads(process.stdout.readline())
        with grpc.insecure_channel(f"127.0.0.1:{announced['health_port']}") as channel:
            request = health_pb2.HealthCheckRequest(service=READINESS)
            answer = health_pb2_grpc.HealthStub(channel).Check(request, timeout=60)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
    finally:
        process.terminate()
        assert process.wait(timeout=60) == 0
        process.stdout.close()
