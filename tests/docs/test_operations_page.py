"""What the page of operations shows of class runs works against a server that speaks the Kubernetes API.

The pods' part is played: whatever a Job asks for is in the object store at once, and complete.
"""

import json
from pathlib import Path

import pytest

from tests.client.conftest import SIDE, Detail, draw
from tests.docs.documents import ROOT, blocks
from tests.docs.test_pages import commands
from tests.kube.conftest import api, deployment, kubeconfig, role
from tests.kube.test_object_store import bucket
from tests.support.job_controller import put_pod
from tests.support.kubernetes_api import KubernetesApi, Object
from tests.support.networks import export
from tests.support.servers import running
from visum_client.cli import main
from visum_client.kube.job import order_of
from visum_client.kube.object_store import upload_folder
from visum_mask.server import MaskServerSettings, build

__all__ = ["api", "bucket", "deployment", "kubeconfig", "role"]

_CLASS_RUNS, _SCALE, _PROGRAM = blocks(ROOT / "docs" / "operations.md")


class QuickCluster:
    """Completes a Job as soon as it is created."""

    def __init__(self, kubernetes: KubernetesApi, folder: Path) -> None:
        self._api = kubernetes
        self._folder = folder
        kubernetes.changed = self._changed

    def _changed(self, resource: str, job: Object) -> None:
        if resource != "jobs" or job["status"] or job["metadata"]["name"] not in self._jobs():
            return
        name, order = job["metadata"]["name"], order_of(job)
        (self._folder / "run.json").write_text("{}")
        for index in range(len(order.targets)):
            upload_folder(self._folder, order.out_of(index))
            put_pod(self._api, name, index, "Succeeded", job["spec"]["template"])
            self._api.logs[f"{name}-{index}"] = [f"run folder: {order.out_of(index)}"]
        complete = {"type": "Complete", "status": "True"}
        indexes = f"0-{len(order.targets) - 1}"
        self._api.change("jobs", name, status={"completedIndexes": indexes, "conditions": [complete]})

    def _jobs(self) -> set[str]:
        return {name for resource, _, name in self._api.objects if resource == "jobs"}


@pytest.mark.usefixtures("kubeconfig", "bucket")
def test_class_runs_are_submitted_watched_fetched_and_cancelled_as_the_page_says(
    api: KubernetesApi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "made").mkdir()
    QuickCluster(api, tmp_path / "made")
    lines = commands(_CLASS_RUNS.text)
    assert [words[:2] for words in lines] == [
        ["kube", name] for name in ("submit", "status", "logs", "fetch", "cancel")
    ]
    for words in lines:
        assert main(words) == 0
    assert "run folder: s3://runs/birds/0001-robin" in capsys.readouterr().out
    assert sorted(path.name for path in (tmp_path / "runs" / "birds").iterdir()) == ["0000-jay", "0001-robin"]
    assert ("jobs", "visum", "birds") not in api.objects


@pytest.mark.usefixtures("kubeconfig")
def test_services_are_scaled_as_the_page_says(
    api: KubernetesApi, deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    deployment("mask")
    (words,) = commands(_SCALE.text)
    assert main(words) == 0
    assert api.objects["deployments", "visum", "visum-mask"]["spec"]["replicas"] == 8
    api.change("deployments", "visum-mask", spec={"replicas": 1})
    export(Detail(), tmp_path / "resnet50.pt2", SIDE)
    preprocessing = {"resize": SIDE, "crop": SIDE, "mean": [0.0, 0.0, 0.0], "std": [1.0, 1.0, 1.0]}
    card = {"name": "resnet50", "classes": ["robin", "jay"], "preprocessing": preprocessing}
    (tmp_path / "resnet50.json").write_text(json.dumps(card))
    (tmp_path / "jays").mkdir()
    for seed in range(2):
        draw(seed).save(tmp_path / "jays" / f"{seed}.png")
    found: dict[str, object] = {}
    settings = MaskServerSettings(port=0, model_dir=str(tmp_path), trust_model_dir=True, device="cpu")
    with running(build(settings), settings) as server:
        monkeypatch.setenv("VISUM_SERVICES", f"mask=127.0.0.1:{server.port}")
        exec(compile(_PROGRAM.text, "operations.md", "exec"), found)
    assert len(found["masks"].images) == 2
    scaled = [asked for asked in api.asked if asked.verb == "patch"]
    assert len(scaled) == 3
    assert api.objects["deployments", "visum", "visum-mask"]["spec"]["replicas"] == 1
