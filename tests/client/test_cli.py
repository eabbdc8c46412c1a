"""The command line: what it prints, where, and its exit codes."""

import argparse
import json
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from tests.client.conftest import IMAGES, OPTIONS, draw
from tests.client.test_local import is_alive
from tests.client.test_processes import children
from visum_client import Client, NotFoundError, Run
from visum_client.cli import BAD_USAGE, FAILURE, build_parser, main
from visum_client.commands import command as commands
from visum_client.commands.command import Command, CommandGroup
from visum_client.commands.doctor import fits
from visum_client.targets import find_class


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


def every_command(parser=None, words=()) -> list[tuple[str, ...]]:
    """The words of each command, those of other distributions and of groups included."""
    parser = parser or build_parser()
    groups = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    if not groups:
        return [words]
    return [found for name, own in groups[0].choices.items() for found in every_command(own, (*words, name))]


@pytest.mark.parametrize("words", every_command(), ids=" ".join)
def test_every_command_has_examples_json_and_quiet(capsys, words):
    with pytest.raises(SystemExit) as caught:
        main([*words, "--help"])
    assert caught.value.code == 0
    help_text = capsys.readouterr().out
    assert f"examples:\n  visum {words[0]}" in help_text
    assert {"--json", "--quiet"} <= set(re.findall(r"--\w+", help_text))


def test_help_says_what_to_type_first(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    first, commands = text.index("start here:\n  visum doctor"), text.index("commands:")
    assert first < text.index("visum run --model") < commands


@pytest.mark.parametrize("name", ["", "run", "report", "specialize", "serve", "doctor"])
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


def test_quiet_prints_the_result_alone(capsys, run_flags, tmp_path):
    assert main([*run_flags, "--quiet", "--json", "--progress"]) == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["status"] == "complete"
    assert captured.err == ""
    assert main([*run_flags, "-q", "--target", "stripped"]) == FAILURE
    assert "did you mean 'striped'" in capsys.readouterr().err


def test_all_targets_run_every_class_and_say_which_failed(capsys, run_flags, pictures, tmp_path):
    folders = tmp_path / "classes"
    shutil.copytree(pictures, folders / "striped")
    (folders / "plain").mkdir()
    draw(0, striped=False).save(folders / "plain" / "only.png")
    where = run_flags.index("--target")
    flags = [*run_flags[:where], "--all-targets", *run_flags[where + 2 :], "--images", str(folders), "--json"]
    assert main(flags) == FAILURE
    plain, striped = json.loads(capsys.readouterr().out)["runs"]
    assert (plain["folder"], plain["target"], striped["folder"], striped["target"]) == ("plain", 0, "striped", 1)
    assert plain["error"].startswith("of 1 images")
    assert striped["summaries"]
    assert Run.load(tmp_path / "run" / "striped").status == "complete"


def test_a_misspelt_class_is_answered_with_near_ones():
    with pytest.raises(NotFoundError, match="did you mean 'golden retriever'"):
        find_class("golden retreiver", ["tabby", "golden retriever", "beagle"])


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["visum", "do"], "doctor"),
        (["visum", "run", "--all"], "--all-targets"),
        (["visum", "evaluate", "par"], "parts"),
        (["visum", "report", "my_r"], "my_run"),
    ],
)
def test_bash_completes_commands_flags_and_files(capsys, tmp_path, words, expected):
    (tmp_path / "my_run").mkdir()
    assert main(["completion", "bash"]) == 0
    (tmp_path / "visum.bash").write_text(capsys.readouterr().out)
    script = f"""
        source visum.bash; COMP_WORDS=({" ".join(words)}); COMP_CWORD={len(words) - 1}
        completer=$(complete -p visum | grep -o '_shtab[a-z_]*' | head -1)
        "$completer" visum "${{COMP_WORDS[COMP_CWORD]}}" ""
        printf '%s\n' "${{COMPREPLY[@]}}"
    """
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert expected in done.stdout.split()


def test_a_reader_that_has_seen_enough_is_no_fault():
    command = f"{sys.executable} -m visum_client completion bash | head -c 1"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("#", "")


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
    assert findings["device"] == "cpu"
    assert findings["where"] == without_one
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


def test_the_clients_own_commands_do_not_load_those_of_others(monkeypatch, tmp_path):
    monkeypatch.setattr("visum_client.cli.added_commands", lambda: pytest.fail("others were loaded"))
    assert main(["report", str(tmp_path)]) == FAILURE


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
