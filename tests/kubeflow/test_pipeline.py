"""The pipeline, compiled by kfp and run by its local runner against real services."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import torch
import yaml
from PIL import Image
from torch import nn

from tests.client.conftest import OPTIONS, SIDE, draw, network, services  # noqa: F401
from tests.conftest import ROOT, required
from visum_models import Preprocessing, export_network

pytestmark = pytest.mark.long
_PYTHON = ROOT / ".venv-kfp" / "bin" / "python"
_RUN = """
import json, sys
from kfp import local
from deploy.kubeflow.pipeline import two_classes
root, arguments = sys.argv[1], json.loads(sys.argv[2])
local.init(runner=local.SubprocessRunner(use_venv=False), pipeline_root=root, raise_on_error=True)
two_classes(**arguments)
"""


class Contrasts(nn.Module):
    """Bands lie, stripes stand upright; the classes have a neighbour each that is never shown."""

    def __init__(self) -> None:
        super().__init__()
        self.classifier = nn.Linear(2, 2)
        with torch.no_grad():
            self.classifier.weight.copy_(75 * torch.eye(2))
            self.classifier.bias.zero_()

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        down = (pixels[..., 1:, :] - pixels[..., :-1, :]).abs().mean(dim=(1, 2, 3))
        across = (pixels[..., 1:] - pixels[..., :-1]).abs().mean(dim=(1, 2, 3))
        return self.classifier(torch.stack([down, across], dim=1))


@pytest.fixture(scope="module")
def kfp() -> Path:
    if not _PYTHON.is_file():
        assert not required("kfp"), "make test-long prepares .venv-kfp"
        pytest.skip("kfp is not installed: make .venv-kfp/ready")
    return _PYTHON


def call(python: Path, *words: str, **environment: str) -> None:
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    bin_folder = str(Path(sys.executable).parent)
    environment = dict(os.environ, PYTHONPATH=paths, **environment)
    environment["PATH"] = bin_folder + os.pathsep + os.environ["PATH"]
    done = subprocess.run([python, *words], env=environment, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def draw_classes(folder: Path, first: int) -> Path:
    for name, turn in (("banded", True), ("striped", False)):
        (folder / name).mkdir(parents=True)
        for seed in range(first, first + 6):
            picture = draw(seed).transpose(Image.Transpose.TRANSPOSE) if turn else draw(seed)
            picture.save(folder / name / f"{seed}.png")
    return folder


def test_the_pipeline_compiles_to_the_steps_and_their_artifacts(kfp, tmp_path):
    call(kfp, "-m", "deploy.kubeflow.pipeline", str(tmp_path / "visum.yaml"))
    content = yaml.safe_load((tmp_path / "visum.yaml").read_text())
    tasks = content["root"]["dag"]["tasks"]
    assert set(tasks) == {"class-run", "class-run-2", "comparison", "specialization"}
    for name in ("comparison", "specialization"):
        assert set(tasks[name]["dependentTasks"]) == {"class-run", "class-run-2"}
    outputs = content["components"]["comp-class-run"]["outputDefinitions"]["artifacts"]
    assert outputs["report"]["artifactType"]["schemaTitle"] == "system.HTML"
    images = [executor["container"]["image"] for executor in content["deploymentSpec"]["executors"].values()]
    assert set(images) == {"visum-client:0.1.0"}


def test_the_pipeline_runs_against_services(kfp, services, network, tmp_path):  # noqa: F811
    statistics = Preprocessing(SIDE, SIDE, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0))
    model = network.parent / "contrasts.pt2"
    export_network(Contrasts(), model, ["banded", "striped"], statistics)
    train, validation = draw_classes(tmp_path / "train", 0), draw_classes(tmp_path / "validation", 100)
    arguments = {
        "model": str(model),
        "first_target": "banded",
        "first_images": str(train / "banded"),
        "second_target": "striped",
        "second_images": str(train / "striped"),
        "train": str(train),
        "validation": str(validation),
        "services": services.addresses,
        "options": [*OPTIONS, "clustering.min_images=2", "necessity.margin=0"],
    }
    assert shutil.which("visum", path=str(Path(sys.executable).parent))
    call(kfp, "-c", _RUN, str(tmp_path / "root"), json.dumps(arguments))
    (folder,) = (tmp_path / "root").iterdir()
    for name in ("class-run", "class-run-2"):
        report = folder / name / "report"
        assert "<html" in report.read_text(encoding="utf-8")[:500]
        assert json.loads((folder / name / "run" / "run.json").read_text())["status"] == "complete"
    assert "<html" in (folder / "comparison" / "page").read_text(encoding="utf-8")[:500]
    assert (folder / "specialization" / "classifier").stat().st_size > 0
    assert json.loads((folder / "specialization" / "card").read_text())["specialization"]["summaries"]
