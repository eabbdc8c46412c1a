import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from tests.client.conftest import network, pictures, services
from tests.support.kubernetes_api import KubernetesApi, serving
from visum_client.kube.cluster import Cluster

__all__ = ["network", "pictures", "services"]

ROOT = Path(__file__).resolve().parents[2]
BASE = ROOT / "deploy" / "kubernetes" / "base"


@pytest.fixture(scope="session")
def role() -> list[dict]:
    """The rules of the Role that the manifests hold."""
    documents = yaml.safe_load_all((BASE / "operator.yaml").read_text(encoding="utf-8"))
    return next(found["rules"] for found in documents if found["kind"] == "Role")


@pytest.fixture
def api(role) -> Iterator[KubernetesApi]:
    """A cluster whose caller has the rights of that Role and no more."""
    with serving(KubernetesApi(role)) as served:
        yield served


@pytest.fixture
def kubeconfig(api, tmp_path, monkeypatch) -> Path:
    """A kubeconfig of the cluster, where the official client looks for it."""
    path = tmp_path / "kubeconfig"
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "test",
        "clusters": [{"name": "test", "cluster": {"server": api.url}}],
        "users": [{"name": "test", "user": {"token": "secret"}}],
        "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
    }
    path.write_text(json.dumps(content), encoding="utf-8")
    monkeypatch.setenv("KUBECONFIG", str(path))
    return path


@pytest.fixture
def cluster(kubeconfig) -> Cluster:
    return Cluster.connect()


@pytest.fixture
def deployment(api) -> Callable[..., None]:
    """Adds a Deployment, and controllers: replicas become ready, and an autoscaler keeps its least number."""

    def add(service: str, replicas: int = 1, most_ready: int = 100) -> None:
        name = f"visum-{service}"

        def follow(resource: str, found: dict) -> None:
            if resource == "horizontalpodautoscalers":
                least = found["spec"]["minReplicas"]
                wanted = max(least, api.objects["deployments", "visum", name]["spec"]["replicas"])
                api.change("deployments", name, spec={"replicas": wanted})
            if resource in ("deployments", "horizontalpodautoscalers"):
                wanted = api.objects["deployments", "visum", name]["spec"]["replicas"]
                status = {"readyReplicas": min(wanted, most_ready), "observedGeneration": 1}
                api.change("deployments", name, status=status)

        spec = {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "server", "image": "x"}]},
            },
        }
        api.put("deployments", {"metadata": {"name": name, "generation": 1}, "spec": spec, "status": {}})
        api.changed = follow
        follow("deployments", {})

    return add
