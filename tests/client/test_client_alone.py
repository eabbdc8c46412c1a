"""The client without the services: what it imports, and what its wheel brings."""

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

import pytest

from tests.client.conftest import IMAGES, OPTIONS
from tests.conftest import ROOT

HEAVY = ("torch", "torchvision", "cv2", "sklearn", "skimage", "scipy", "numba")
_BLOCKED = f"""
import importlib.abc, sys

class Blocked(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.split(".")[0] in {HEAVY!r}:
            raise ModuleNotFoundError(name)

sys.meta_path.insert(0, Blocked())
from visum_client.cli import main
sys.exit(main(sys.argv[1:]))
"""


def run_words(network: Path, pictures: Path, services, out: Path) -> list[str]:
    flags = ["--model", network, "--target", "striped", "--images", pictures, "--out", out, "--json"]
    options = [word for option in OPTIONS for word in ("--option", option)]
    return ["run", *map(str, flags), *options, "--services", services.addresses]


def test_a_run_needs_no_numerical_framework(services, network, pictures, tmp_path):
    words = run_words(network, pictures, services, tmp_path / "run")
    done = subprocess.run([sys.executable, "-c", _BLOCKED, *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f'"used": {IMAGES}' in done.stdout


@pytest.mark.long
def test_the_wheel_in_an_empty_environment_talks_to_servers(services, network, pictures, tmp_path):
    wheels = tmp_path / "wheels"
    for folder in ("protos", "services/common/wire", "client"):
        source = shutil.copytree(  # a wheel takes whatever an earlier one left beside the sources
            ROOT / folder, tmp_path / folder, ignore=shutil.ignore_patterns("build", "*.egg-info", "__pycache__")
        )
        pip(sys.executable, "wheel", "--no-deps", "--wheel-dir", str(wheels), str(source))
    venv.create(tmp_path / "empty", with_pip=True)
    python = tmp_path / "empty" / "bin" / "python"
    constraints = ["--constraint", str(ROOT / "constraints.txt")]
    pip(python, "install", *constraints, *map(str, sorted(wheels.glob("visum*.whl"))))
    listed = pip(python, "list", "--format=freeze").lower()
    assert not [name for name in ("torch", "opencv", "scikit", "scipy", "numba", "nvidia") if name in listed]
    words = run_words(network, pictures, services, tmp_path / "run")
    alone = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    command = [str(tmp_path / "empty" / "bin" / "visum"), *words]
    done = subprocess.run(command, env=alone, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert f'"used": {IMAGES}' in done.stdout


def pip(python: object, *words: str) -> str:
    alone = {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}
    command = [str(python), "-m", "pip", "--quiet", *words]
    done = subprocess.run(command, env=alone, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout
