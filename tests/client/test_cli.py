"""The command line: what it prints, where, and its exit codes."""

import json
import logging
import os
import re
import signal
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from tests.client.conftest import IMAGES, OPTIONS
from tests.client.test_local import is_alive
from tests.client.test_processes import children
from visum_client import Client, Run
from visum_client.cli import BAD_USAGE, FAILURE, main
from visum_client.commands import command as commands
from visum_client.commands.command import Command, CommandGroup
from visum_client.commands.doctor import fits


@pytest.fixture(autouse=True)
def untouched_process():
    """The command line is a process of its own; here it must leave signals and messages as they were."""
    handler, logger = signal.getsignal(signal.SIGTERM), logging.getLogger("visum_client")
    handlers, level, propagate = logger.handlers, logger.level, logger.propagate
    yield
    signal.signal(signal.SIGTERM, handler)
    logger.handlers, logger.propagate = handlers, propagate
    logger.setLevel(level)


@pytest.fixture
def run_flags(network, pictures, services, tmp_path) -> list[str]:
    flags = ["--model", network, "--target", "striped", "--images", pictures, "--out", tmp_path / "run"]
    options = [word for option in OPTIONS for word in ("--option", option)]
    return ["run", *map(str, flags), *options, "--services", services.addresses]


@pytest.mark.parametrize("name", ["", "run", "report", "serve", "doctor"])
def test_every_command_helps_with_examples(capsys, name):
    with pytest.raises(SystemExit) as caught:
        main([*name.split(), "--help"])
    assert caught.value.code == 0
    help_text = capsys.readouterr().out
    assert re.search(rf"^  visum {name or 'run'}", help_text, re.MULTILINE)
    assert max(map(len, help_text.splitlines())) <= 120


@pytest.mark.parametrize(
    "words",
    [
        [],
        ["fly"],
        ["run"],
        ["report"],
        ["run", "--model", "resnet50", "--target", "1", "--images", "x", "--out", "y", "--limit", "many"],
    ],
)
def test_bad_usage_is_exit_code_2(capsys, words):
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == BAD_USAGE
    assert "usage:" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--option", "mask.iterations"], "option: 'mask.iterations' is not of the form STEP.NAME=VALUE"),
        (["--option", "mask.size=3"], "mask.size: is not known; there are mode, schedule"),
        (["--option", "mask.iterations=3"], "mask.iterations: is 3, must be within 10..10000"),
        (["--services", "mask:50051"], "services: 'mask:50051' is not understood"),
        (["--services", "mask=a:1,mask=b:1"], "services: mask is named twice"),
        (["--limit", "0"], "limit: is 0, must be at least 1"),
    ],
)
def test_a_wrong_value_is_exit_code_2_and_one_line(capsys, run_flags, words, message):
    assert main([*run_flags, *words]) == BAD_USAGE
    captured = capsys.readouterr()
    assert captured.err.startswith(f"visum: {message}")
    assert captured.err.count("\n") == 1
    assert captured.out == ""


def test_a_failure_is_exit_code_1_and_one_line(capsys, run_flags, tmp_path):
    (tmp_path / "none").mkdir()
    assert main([*run_flags, "--images", str(tmp_path / "none")]) == FAILURE
    captured = capsys.readouterr()
    assert captured.err.startswith(f"visum: images: no images in {tmp_path}/none")
    assert captured.err.count("\n") == 1


def test_a_run_and_its_report(capsys, run_flags, tmp_path):
    assert main([*run_flags, "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    run = Run.load(tmp_path / "run")
    assert figures["images"] == {"used": IMAGES, "unrecognized": 0, "duplicate": 0, "failed": 0}
    assert [summary["id"] for summary in figures["summaries"]] == [summary.id for summary in run.summaries]
    assert figures["report"] == str(run.report)
    assert main(run_flags) == 0
    captured = capsys.readouterr()
    assert f"{IMAGES} of {IMAGES} images take part" in captured.out
    assert captured.err == f"{run.path} is complete already: nothing to do\n"
    run.report.unlink()
    assert main(["report", str(run.path)]) == 0
    assert capsys.readouterr().out == f"{run.report}\n"
    assert run.report.exists()
    _check_notebook(run)


def _check_notebook(run: Run) -> None:
    assert repr(run) == f"<Run {run.path}: stripes, striped, complete, {len(run.summaries)} summaries>"
    html = run._repr_html_()
    assert html.count("<tr>") == len(run.summaries)
    assert html.count("data:image/jpeg;base64,") == sum(min(6, len(summary.members)) for summary in run.summaries)


def test_an_error_with_json_is_one_object(capsys, tmp_path):
    assert main(["report", str(tmp_path), "--json"]) == FAILURE
    content = json.loads(capsys.readouterr().out)
    assert content["error"]["kind"] == "RunFolderError"
    assert "is not a run folder" in content["error"]["message"]


def test_the_doctor_finds_what_does_not_answer(capsys, services):
    without_one = ",".join(entry for entry in services.addresses.split(",") if not entry.startswith("specializer"))
    assert main(["doctor", "--services", without_one, "--json"]) == FAILURE
    findings = json.loads(capsys.readouterr().out)
    assert findings["services"]["mask"]["device"].startswith("cpu")
    assert findings["packages"]["visum-client"] == findings["services"]["mask"]["version"]
    assert len(findings["problems"]) == 1
    assert findings["problems"][0].startswith("specializer service: no address was given")


@pytest.mark.parametrize(("server", "fit"), [("0.1.0", True), ("0.1.7", True), ("0.2.0", False), ("1.1.0", False)])
def test_versions_fit_by_their_first_two_numbers(server, fit):
    assert fits(server, "0.1.3") is fit


def test_the_environment_names_the_services(services, network, capsys, monkeypatch):
    monkeypatch.setenv("VISUM_SERVICES", services.addresses)
    with Client.from_env() as client:
        assert client.server_info("mask").service == "visum.v1.MaskService"


@pytest.fixture
def add_command(monkeypatch):
    """Gives the command line one more command, by an entry point that names a variable of this module."""

    def add(name: str, variable: str) -> None:
        entry = EntryPoint(name, f"{__name__}:{variable}", commands.ENTRY_POINTS)
        monkeypatch.setattr(commands, "entry_points", lambda group: [entry] if group == commands.ENTRY_POINTS else [])
        monkeypatch.setitem(sys.modules, __name__, sys.modules[test_other_distributions_add_commands.__module__])

    return add


def test_other_distributions_add_commands(capsys, add_command):
    add_command("hello", "HELLO")
    assert main(["hello", "--name", "you"]) == 0
    assert capsys.readouterr().out == "hello you\n"


def test_other_distributions_add_groups_of_commands(capsys, add_command):
    add_command("greet", "GREET")
    assert main(["greet", "hello", "--name", "you", "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == {"name": "you"}


@pytest.mark.parametrize("words", [["greet"], ["greet", "fly"]])
def test_a_group_without_one_of_its_commands_is_bad_usage(capsys, add_command, words):
    add_command("greet", "GREET")
    with pytest.raises(SystemExit) as caught:
        main(words)
    assert caught.value.code == BAD_USAGE
    assert "usage: visum greet" in capsys.readouterr().err


HELLO = Command(
    "hello",
    "say hello",
    "  visum hello --name you",
    lambda parser: parser.add_argument("--name"),
    lambda arguments: {"name": arguments.name},
    lambda result: f"hello {result['name']}",
)
GREET = CommandGroup("greet", "greet people", (HELLO,))


def test_serve_starts_all_services_and_ends_them_on_ctrl_c(network):
    ports = [word for name in ("mask", "proposals", "clustering", "specializer") for word in (f"--{name}-port", "0")]
    command = [sys.executable, "-m", "visum_client", "serve", "--model-dir", str(network.parent), *ports]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        name, _, addresses = server.stdout.readline().strip().partition("=")
        assert name == "VISUM_SERVICES"
        with Client.connect(addresses) as client:
            for service in ("mask", "proposals", "clustering", "specializer"):
                assert client.server_info(service).version
        processes = children(server.pid)
        assert len(processes) == 4
        server.send_signal(signal.SIGINT)
        assert server.wait() == 0
        assert not any(map(is_alive, processes))
    finally:
        server.kill()
        server.communicate()


def test_serve_becomes_the_server_of_one_service():
    command = [sys.executable, "-m", "visum_client", "serve", "clustering", "--port", "0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert json.loads(server.stdout.readline())["port"] > 0
        assert b"visum_clustering" in Path(f"/proc/{server.pid}/cmdline").read_bytes()
        os.kill(server.pid, signal.SIGTERM)
        assert server.wait() == 0
    finally:
        server.kill()
        server.communicate()
