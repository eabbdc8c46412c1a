"""The experiments as commands over the same runs, each kept with what it was asked."""

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from visum_client.commands.command import Command, tell
from visum_client.files import write_json


@dataclass(frozen=True)
class Step:
    """One experiment."""

    name: str
    """What its files are called."""
    command: Command
    words: list[str]
    """What a user would write behind the command's name."""


def run_step(step: Step, out: Path) -> dict[str, Any]:
    """The result of a step: what is kept of it where it was asked the same, else made and kept.

    Writes `<name>.json` with the words and the result, and `<name>.txt`, the table.

    Raises:
        VisumError: The command fails.
    """
    file = out / f"{step.name}.json"
    words = [step.command.name, *step.words]
    if file.exists() and (kept := json.loads(file.read_text(encoding="utf-8")))["command"] == words:
        return dict(kept["result"])
    tell(f"visum evaluate {' '.join(words)}")
    parser = argparse.ArgumentParser(prog=step.command.name)
    step.command.configure(parser)
    result = step.command.run(parser.parse_args(step.words))
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{step.name}.txt").write_text(step.command.show(result) + "\n", encoding="utf-8")
    write_json(file, {"command": words, "result": result})
    return result
