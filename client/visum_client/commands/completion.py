"""`visum completion`: what a shell needs to complete commands and flags."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

import shtab

from visum_client.commands.command import Command

_EXAMPLES = """\
  visum completion bash > ~/.local/share/bash-completion/completions/visum
  visum completion zsh > ~/.zfunc/_visum            with fpath+=~/.zfunc before compinit in ~/.zshrc
  visum completion fish > ~/.config/fish/completions/visum.fish
  visum completion tcsh > ~/.visum.tcsh             and `source ~/.visum.tcsh` in ~/.tcshrc"""
_FILES = frozenset({"images", "model", "weights"})


def command(parser: Callable[[], argparse.ArgumentParser]) -> Command:
    """The command, for the command line that `parser` makes."""

    def run(arguments: argparse.Namespace) -> dict[str, Any]:
        return {"shell": arguments.shell, "script": shtab.complete(parser(), arguments.shell)}

    text = "print the completion script of a shell"
    return Command("completion", text, _EXAMPLES, _configure, run, lambda result: str(result["script"]))


def complete_files(parser: argparse.ArgumentParser) -> None:
    """Lets shells complete files where a command takes paths."""
    for action in parser._actions:
        if action.type is Path or action.dest in _FILES:
            action.complete = shtab.FILE  # type: ignore[attr-defined]


def _configure(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("shell", choices=shtab.SUPPORTED_SHELLS, help="the shell: %(choices)s")
