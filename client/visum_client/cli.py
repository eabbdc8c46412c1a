"""The command line `visum`."""

import argparse
import contextlib
import functools
import json
import logging
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from importlib.metadata import version
from types import FrameType
from typing import Any

from tqdm import tqdm

from visum_client.commands import compare, completion, doctor, export, kube, report, run, score, serve, specialize
from visum_client.commands.command import Command, CommandGroup, added_commands, tell
from visum_client.credentials import VARIABLES
from visum_client.errors import InvalidInputError, VisumError
from visum_client.local import MODULES
from visum_client.options import OPTIONS

FAILURE = 1
BAD_USAGE = 2
INTERRUPTED = 130
_COMMANDS = (
    run.COMMAND,
    report.COMMAND,
    compare.COMMAND,
    score.COMMAND,
    specialize.COMMAND,
    export.COMMAND,
    serve.COMMAND,
    doctor.COMMAND,
    kube.GROUP,
)
_CHECKED_FLAGS = frozenset(
    {
        "option",
        "services",
        "format",
        "limit",
        "register",
        "alias",
        "name",
        "out",
        "parallelism",
        "replicas",
        "seed",
        "min_overlap",
        "min_sharing",
        *OPTIONS,
        *VARIABLES,
    }
)
_FORMATTER = functools.partial(argparse.RawDescriptionHelpFormatter, max_help_position=30)
_TEXT = """\
Which parts of a class does an image classifier really use?

start here:
  visum doctor                      is everything installed, and do the services start?
  visum run --model resnet50 --target "golden retriever" --images dogs/ --out runs/dogs
                                    a folder of at least three images of one class; then open runs/dogs/report.html
  visum run ...                     the same command again goes on with a run that was interrupted"""
_MORE = """\
every command has examples: visum COMMAND --help
exit codes: 0 done, 1 failed, 2 called wrongly, 130 interrupted
completion of your shell: visum completion --help"""


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command: exit code 0 where it succeeded, 1 where it failed, 2 where it was called wrongly."""
    words = list(sys.argv[1:] if argv is None else argv)
    parser = build_parser(words)
    if not words:
        parser.exit(BAD_USAGE, parser.format_help())
    if words[:1] == ["serve"] and words[1:2] and words[1] in MODULES:
        serve.serve_one(words[1:])
    arguments = parser.parse_args(words)
    command: Command = arguments.chosen
    _start_messages()
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        with _silenced() if arguments.quiet else contextlib.nullcontext():
            result = command.run(arguments)
        return _print(arguments, result)
    except VisumError as error:
        return _failed(arguments, error)
    except KeyboardInterrupt:
        tell("interrupted; the same command goes on where it was")
        return INTERRUPTED
    except BrokenPipeError:  # what reads the output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILURE
    except OSError as error:  # a full disk, a folder that may not be written
        return _failed(arguments, VisumError(f"{error.filename or 'file'}: {error.strerror or error}"))


def _print(arguments: argparse.Namespace, result: dict[str, Any]) -> int:
    """Prints what a command found, and returns its exit code."""
    exit_code = int(result.pop("exit_code", 0))
    if result:
        print(json.dumps(result) if arguments.json else arguments.chosen.show(result), flush=True)
    return exit_code


def build_parser(words: Sequence[str] = ()) -> argparse.ArgumentParser:
    """The parser of the command line.

    Args:
        words: What it is to parse. Commands of other distributions, which may take seconds to import, are left out
            where the first word is one of the client's own.
    """
    own: list[Command | CommandGroup] = [*_COMMANDS, completion.command(build_parser)]
    is_own = bool(words) and words[0] in {command.name for command in own}
    commands = own if is_own else [*own, *added_commands()]
    parser = argparse.ArgumentParser(prog="visum", description=_TEXT, epilog=_MORE, formatter_class=_FORMATTER)
    parser.add_argument("--version", action="version", version=f"visum {version('visum-client')}")
    _add_commands(parser, commands)
    return parser


def _add_commands(parser: argparse.ArgumentParser, commands: Sequence[Command | CommandGroup]) -> None:
    added = parser.add_subparsers(required=True, metavar="COMMAND", title="commands")
    for command in commands:
        summary = command.summary[0].upper() + command.summary[1:] + "."
        own = added.add_parser(command.name, help=command.summary, description=summary, formatter_class=_FORMATTER)
        if isinstance(command, CommandGroup):
            _add_commands(own, command.commands)
            continue
        own.epilog = f"examples:\n{command.examples}"
        command.configure(own)
        text = "print exactly one JSON object; all else goes to standard error"
        own.add_argument("--json", action="store_true", help=text)
        own.add_argument("-q", "--quiet", action="store_true", help="print the result and errors only")
        completion.complete_files(own)
        own.set_defaults(chosen=command)


def _failed(arguments: argparse.Namespace, error: VisumError) -> int:
    tell(f"visum: {error}")
    if arguments.json:
        named = ("message", "field", "image", "cause", "what_to_do")
        content = {name: getattr(error, name) for name in named} | {"kind": type(error).__name__}
        print(json.dumps({"error": content}), flush=True)
    is_flag = isinstance(error, InvalidInputError) and error.field.split(".")[0] in _CHECKED_FLAGS
    return BAD_USAGE if is_flag else FAILURE


@contextlib.contextmanager
def _silenced() -> Iterator[None]:
    """Whatever is said beside the result, by whomever, goes nowhere; progress bars, too."""
    with open(os.devnull, "w", encoding="utf-8") as nowhere, contextlib.redirect_stderr(nowhere):
        yield


def _start_messages() -> None:
    logger = logging.getLogger("visum_client")
    logger.handlers = [_Messages()]
    logger.setLevel(logging.INFO)
    logger.propagate = False


class _Messages(logging.Handler):
    """Says what happens on standard error, around progress bars."""

    def emit(self, record: logging.LogRecord) -> None:
        tqdm.write(self.format(record), file=sys.stderr)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt
