"""The experiments as commands over the same runs, each kept with what it was asked."""

import argparse
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

from visum_client.commands.command import Command, tell
from visum_client.files import file_digest, write_json
from visum_client.folder import RunFolder


@dataclass(frozen=True)
class Step:
    """One experiment."""

    name: str
    """What its files are called."""
    command: Command
    words: list[str]
    """What a user would write behind the command's name."""
    inputs: Sequence[Path] = ()
    """Files, run folders and folders of images that the result depends on."""


def run_step(step: Step, out: Path) -> dict[str, Any]:
    """The result of a step: what is kept of it where it was asked the same of the same inputs, else made and kept.

    Writes `<name>.json` with the words, the state of the inputs and the result, and `<name>.txt`, the table.

    Raises:
        VisumError: The command fails.
    """
    file = out / f"{step.name}.json"
    asked = _asked(step)
    if file.exists():
        kept = json.loads(file.read_text(encoding="utf-8"))
        result = dict(kept.pop("result"))
        if kept == asked:
            return result
    tell(f"visum evaluate {' '.join(asked['command'])}")
    parser = argparse.ArgumentParser(prog=step.command.name)
    step.command.configure(parser)
    result = step.command.run(parser.parse_args(step.words))
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{step.name}.txt").write_text(step.command.show(result) + "\n", encoding="utf-8")
    write_json(file, asked | {"result": result})
    return result


def _asked(step: Step) -> dict[str, Any]:
    """All that decides a result."""
    return {
        "command": [step.command.name, *step.words],
        "version": version("visum-evaluation"),
        "inputs": {str(path): _state(path) for path in step.inputs},
    }


def _state(path: Path) -> str:
    """Digest of a file or of a run; of a folder of images, which may be large, of names, sizes and times of change."""
    if path.is_file():
        return file_digest(path)
    if (run := RunFolder(path).run).is_file():
        return file_digest(run)
    found = ((file.relative_to(path), file.stat()) for file in sorted(path.rglob("*")) if file.is_file())
    lines = [f"{name}\t{status.st_size}\t{status.st_mtime_ns}" for name, status in found]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
