"""The commands and programs that a document shows, and a folder in which to try them as a newcomer would."""

import os
import re
import subprocess
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
_BLOCK = re.compile(r"(?:<!-- (?P<note>[^>]*) -->\n)?```(?P<language>sh|python)\n(?P<text>.*?)```", re.DOTALL)


@dataclass(frozen=True)
class Block:
    """One block of code of a document."""

    language: str
    """sh or python."""
    text: str
    """Its lines."""
    note: str
    """The comment above it, which readers of the page do not see."""


def blocks(document: Path) -> list[Block]:
    """The blocks of a Markdown file, from its top."""
    found = _BLOCK.finditer(document.read_text(encoding="utf-8"))
    return [Block(match["language"], match["text"], match["note"] or "") for match in found]


def fenced(document: Path) -> list[str]:
    """The texts of all blocks of a Markdown file, whatever their language."""
    return re.findall(r"^ *```[a-z]*\n(.*?)^ *```$", document.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)


def require_ready_environment() -> None:
    """Skips where `make` would install first: into the environment that runs the tests, from another folder."""
    ready = Path(sys.prefix) == ROOT / ".venv" and subprocess.run(["make", "-q", ".venv/ready"], cwd=ROOT, check=False)
    if not ready or ready.returncode:
        pytest.skip("the environment is not as `make setup` leaves it")


def typed(block: Block, folder: Path, environment: Mapping[str, str] | None = None) -> str:
    """Runs a block in a folder and returns what it printed on standard output; fails where a command of it fails."""
    if block.language == "python":
        (folder / "block.py").write_text(block.text, encoding="utf-8")
        command = ["python", "block.py"]
    else:
        command = ["bash", "-euc", block.text]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, timeout=280, check=False
    )
    assert done.returncode == 0, f"{block.text}\n{done.stdout}\n{done.stderr}"
    return done.stdout


class Newcomer:
    """Types what a document says, in a folder that looks like a fresh clone after `make setup`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.environment = dict(os.environ) | {
            "PATH": f"{folder / '.venv' / 'bin'}{os.pathsep}{os.environ['PATH']}",
            "OMP_NUM_THREADS": "1",
        }
        for entry in ROOT.iterdir():
            if entry.name not in {".git", ".venv", "runs"}:
                (folder / entry.name).symlink_to(entry)
        (folder / ".venv").symlink_to(sys.prefix)

    def type(self, block: Block) -> str:
        """Runs a block and returns what it printed on standard output; fails where a command of it fails."""
        return typed(block, self.folder, self.environment)

    def write_links(self, files: Iterable[Path]) -> None:
        """Puts links to files into the folder."""
        for file in files:
            (self.folder / file.name).symlink_to(file)

    def start(self, block: Block) -> subprocess.Popen[str]:
        """Starts a block that runs until it is stopped."""
        return subprocess.Popen(
            ["bash", "-euc", f"exec {block.text}"],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
