"""Real server processes: how they announce themselves and how they end."""

import json
import signal
import subprocess
import sys

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

MODULES = ["visum_mask", "visum_proposals", "visum_clustering", "visum_specializer"]


def start(module: str, *flags: str) -> subprocess.Popen:
    command = [sys.executable, "-m", module, "--port", "0", *flags]
    return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def check(port: int) -> int:
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        return health_pb2_grpc.HealthStub(channel).Check(health_pb2.HealthCheckRequest(service="readiness")).status


@pytest.mark.parametrize("module", MODULES)
def test_a_server_announces_its_ports_answers_and_ends_on_sigterm(module):
    process = start(module)
    try:
        announced = json.loads(process.stdout.readline())
        assert check(announced["port"]) == health_pb2.HealthCheckResponse.SERVING
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=60) == 0
        events = [json.loads(line)["event"] for line in process.stderr.read().splitlines()]
        assert events[0] == "listening"
        assert events[-2:] == ["draining", "stopped"]
    finally:
        process.kill()
        process.communicate()


def test_a_server_ends_with_the_process_that_holds_its_standard_input():
    process = start("visum_clustering", "--until-stdin-closes")
    try:
        json.loads(process.stdout.readline())
        process.stdin.close()
        assert process.wait(timeout=60) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
        process.stderr.close()


def test_a_taken_port_ends_the_server_with_a_clear_line():
    first = start("visum_clustering")
    second = None
    try:
        port = json.loads(first.stdout.readline())["port"]
        command = [sys.executable, "-m", "visum_clustering", "--port", str(port)]
        second = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert second.returncode == 1
        assert "Traceback" not in second.stderr
        assert f"127.0.0.1:{port}" in second.stderr
    finally:
        first.kill()
        first.communicate()
