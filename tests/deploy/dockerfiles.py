"""Reads Dockerfiles, as far as ours go, and performs their steps in a folder of this machine."""

import json
import os
import re
import shlex
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILES = sorted((ROOT / "deploy" / "docker").glob("*.Dockerfile"))
KNOWN = {"ARG", "FROM", "ENV", "WORKDIR", "RUN", "COPY", "LABEL", "USER", "EXPOSE", "ENTRYPOINT"}


@dataclass
class Stage:
    """One stage: its instructions in order, without what came before the first FROM."""

    steps: list[tuple[str, str]] = field(default_factory=list)

    def all(self, instruction: str) -> list[str]:
        return [text for name, text in self.steps if name == instruction]

    def variables(self) -> dict[str, str]:
        """What ENV sets."""
        words = [word for text in self.all("ENV") for word in shlex.split(text)]
        return dict(word.split("=", 1) for word in words)

    def arguments(self) -> dict[str, str]:
        """The defaults of ARG."""
        return dict(text.split("=", 1) for text in self.all("ARG"))


def stages(path: Path) -> list[Stage]:
    """The stages of a Dockerfile. An instruction that is not known here fails: nothing is left out unseen."""
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    text = re.sub(r"\\\n\s*", " ", "\n".join(lines))
    found: list[Stage] = []
    for line in filter(str.strip, text.splitlines()):
        instruction, _, rest = line.partition(" ")
        assert instruction in KNOWN, line
        if instruction == "FROM":
            found.append(Stage())
        elif found:
            found[-1].steps.append((instruction, rest.strip()))
    return found


def entrypoint(stage: Stage) -> list[str]:
    (text,) = stage.all("ENTRYPOINT")
    return json.loads(text)


def build(stage: Stage, folder: Path) -> Path:
    """Performs COPY and RUN under `folder` in the place of `/`; returns the environment that was made."""
    (workdir,) = stage.all("WORKDIR")
    source = folder / workdir.lstrip("/")
    source.mkdir(parents=True)
    (folder / "opt").mkdir()
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
    for instruction, text in stage.steps:
        if instruction == "COPY":
            copy(text.split(), source)
        elif instruction == "ARG":
            name, value = text.split("=", 1)
            environment[name] = value
        elif instruction == "RUN":
            command = text.replace("/opt/visum", str(folder / "opt" / "visum"))
            done = subprocess.run(
                ["sh", "-euc", command], cwd=source, env=environment, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return folder / "opt" / "visum"


def copy(words: list[str], source: Path) -> None:
    """COPY of files and folders of the context, less what .dockerignore leaves out."""
    *names, target = words
    for name in names:
        origin, place = ROOT / name, source / (name if target == "./" else target)
        if origin.is_dir():
            shutil.copytree(origin, place, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info", "build", "*.pyc"))
        else:
            shutil.copy(origin, place)
