"""Scaling, against a server that speaks the API and grants no more than the Role of the manifests."""

import logging
import threading
from functools import partial

import kubernetes
import pytest
import yaml

from tests.kube.conftest import BASE
from tests.support.kubernetes_api import Asked, Dropped, Refused
from visum_client import AsyncClient, Client
from visum_client.errors import (
    InvalidInputError,
    NotFoundError,
    PreconditionError,
    ServiceUnavailableError,
    VisumError,
)
from visum_client.kube.cluster import Cluster
from visum_client.kube.scaling import deployment_of, parse_replicas, scale, scaled, wait_until_ready
from visum_client.methods import SERVICES

AUTOSCALER_STATUS = {"currentReplicas": 1, "desiredReplicas": 1}


def replicas(api, service="mask") -> int:
    return api.objects["deployments", "visum", f"visum-{service}"]["spec"]["replicas"]


def autoscaler(api, *, least=1, most=8, owner=None):
    metadata = {"name": "visum-mask"} | ({"ownerReferences": [owner]} if owner else {})
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "visum-mask"}
    spec = {"minReplicas": least, "maxReplicas": most, "scaleTargetRef": target}
    api.put("horizontalpodautoscalers", {"metadata": metadata, "spec": spec, "status": AUTOSCALER_STATUS})


@pytest.mark.parametrize("service", SERVICES)
def test_services_are_deployments_of_the_manifests(service):
    documents = yaml.safe_load_all((BASE / service / f"{service}.yaml").read_text(encoding="utf-8"))
    names = [found["metadata"]["name"] for found in documents if found["kind"] == "Deployment"]
    assert names == [deployment_of(service)]


def test_replicas_are_set_and_the_numbers_before_are_told(api, cluster, deployment):
    deployment("mask", replicas=2)
    assert scale(cluster, {"mask": 8}) == {"mask": 2}
    assert replicas(api) == 8
    wait_until_ready(cluster, {"mask": 8}, 30)


def test_a_service_is_scaled_for_a_while(api, kubeconfig, deployment):
    deployment("mask", replicas=2)
    with Client.connect("mask=127.0.0.1:1") as client:
        with client.scaled(mask=8):
            assert replicas(api) == 8
        assert replicas(api) == 2
        with pytest.raises(ZeroDivisionError), client.scaled(mask=5):
            assert 1 / (replicas(api) - 5)
        assert replicas(api) == 2
        with pytest.raises(InvalidInputError, match="maks: is no service"):
            with client.scaled(maks=3):
                pass


async def test_a_service_is_scaled_for_a_while_from_an_event_loop(api, kubeconfig, deployment):
    deployment("mask", replicas=2)
    async with AsyncClient.connect("mask=127.0.0.1:1") as client:
        async with client.scaled(mask=8):
            assert replicas(api) == 8
        assert replicas(api) == 2
        with pytest.raises(ZeroDivisionError):
            async with client.scaled(mask=5):
                assert 1 / (replicas(api) - 5)
        assert replicas(api) == 2


def test_a_service_is_scaled_back_where_the_replicas_do_not_become_ready(api, cluster, deployment):
    deployment("mask", replicas=2, most_ready=5)
    with pytest.raises(ServiceUnavailableError, match="5 of 8 replicas of visum-mask are ready after"):
        with scaled(cluster, {"mask": 8}, ready_seconds=0.3):
            raise AssertionError("not ready")
    assert replicas(api) == 2


def test_a_service_is_scaled_back_where_another_one_cannot_be_scaled(api, cluster, deployment):
    deployment("mask", replicas=2)
    with pytest.raises(NotFoundError, match='deployments "visum-proposals" not found'):
        with scaled(cluster, {"mask": 8, "proposals": 2}):
            raise AssertionError("there are no proposals")
    assert replicas(api) == 2


def test_a_number_that_somebody_else_set_meanwhile_is_left_alone(api, cluster, deployment, caplog):
    deployment("mask", replicas=2)
    logging.getLogger("visum_client").propagate = True
    with caplog.at_level(logging.WARNING, "visum_client"), scaled(cluster, {"mask": 8}, 30):
        api.change("deployments", "visum-mask", spec={"replicas": 3})
    assert replicas(api) == 3
    assert "visum-mask has 3 replicas, set by somebody else" in caplog.text


def test_a_change_at_the_same_time_is_noticed_and_the_patch_made_again(api, cluster, deployment):
    deployment("mask", replicas=2)
    rivals = [3, 4]

    def rival(asked: Asked) -> None:
        if asked.verb == "patch" and rivals:
            api.change("deployments", "visum-mask", spec={"replicas": rivals.pop(0)})

    api.faults.append(rival)
    assert scale(cluster, {"mask": 8}) == {"mask": 4}
    assert [asked.verb for asked in api.asked].count("patch") == 3
    assert replicas(api) == 8


def test_changes_without_end_are_an_error(api, cluster, deployment):
    deployment("mask")
    conflict = Refused(409, "Conflict", "the object has been modified")

    def busy(asked: Asked) -> None:
        if asked.verb == "patch":
            raise conflict

    api.faults.append(busy)
    with pytest.raises(PreconditionError, match="the object has been modified"):
        scale(cluster, {"mask": 8})


def test_where_an_autoscaler_decides_its_least_number_is_set(api, cluster, deployment):
    deployment("mask", replicas=8)
    autoscaler(api)
    with scaled(cluster, {"mask": 6}, 30):
        assert api.objects["horizontalpodautoscalers", "visum", "visum-mask"]["spec"]["minReplicas"] == 6
        assert replicas(api) == 8
    assert api.objects["horizontalpodautoscalers", "visum", "visum-mask"]["spec"]["minReplicas"] == 1
    with pytest.raises(InvalidInputError, match=r"mask: is 9; the autoscaler of mask admits 1\.\.8"):
        scale(cluster, {"mask": 9})


def test_what_keda_decides_is_left_to_it(api, cluster, deployment):
    deployment("mask")
    autoscaler(api, owner={"apiVersion": "keda.sh/v1alpha1", "kind": "ScaledObject", "name": "visum-mask", "uid": "1"})
    with pytest.raises(PreconditionError, match="KEDA decides"):
        scale(cluster, {"mask": 2})


def drop(times: list, asked: Asked | None) -> None:
    if asked is not None and asked.verb == "watch" and times:
        times.pop()
        raise Dropped


def gone(times: list, asked: Asked | None) -> None:
    if asked is not None and asked.verb == "watch" and times:
        times.pop()
        raise Refused(410, "Expired", "too old resource version")


@pytest.mark.parametrize("trouble", [drop, gone], ids=["dropped", "gone"])
def test_a_watch_that_breaks_is_begun_again(api, cluster, deployment, trouble):
    deployment("mask", most_ready=0)
    times = [1, 2, 3]
    api.faults.append(partial(trouble, times))
    waiting = threading.Thread(target=wait_until_ready, args=(cluster, {"mask": 1}, 60))
    waiting.start()
    _when(api, lambda: not times and api.asked[-1].verb == "watch")
    api.change("deployments", "visum-mask", status={"readyReplicas": 1})
    waiting.join(timeout=30)
    assert not waiting.is_alive()


def test_a_watch_that_is_silent_is_begun_again(api, cluster, deployment):
    deployment("mask", most_ready=0)
    states = cluster.follow(cluster.deployments.list_namespaced_deployment, "visum-mask", silence_seconds=0.2)
    assert [next(states).status.ready_replicas for _ in range(3)] == [0, 0, 0]
    assert [asked.verb for asked in api.asked if asked.verb in ("list", "watch")] == ["list", "watch"] * 2 + ["list"]


def test_a_version_that_the_server_forgot_is_looked_up_anew(api, cluster, deployment):
    deployment("mask", most_ready=0)
    states = cluster.follow(cluster.deployments.list_namespaced_deployment, "visum-mask", silence_seconds=30)
    assert next(states).status.ready_replicas == 0
    api.oldest = 10**6
    api.change("deployments", "visum-mask", status={"readyReplicas": 1})
    assert next(states).status.ready_replicas == 1
    states.close()


def test_who_has_no_right_is_told_which_role_to_bind(api, cluster, deployment):
    deployment("mask")
    api.rules = []
    with pytest.raises(VisumError, match="deployments/scale is forbidden.*bind the Role visum-operator|is forbidden"):
        scale(cluster, {"mask": 2})


def test_a_cluster_that_is_away_is_an_error():
    configuration = kubernetes.client.Configuration(host="http://127.0.0.1:1", retries=0)
    cluster = Cluster(kubernetes.client.ApiClient(configuration))
    with pytest.raises(ServiceUnavailableError, match="the Kubernetes API does not answer"):
        scale(cluster, {"mask": 2})


@pytest.mark.parametrize("text", ["mask", "mask=", "mask=-1", "mask=many", "maks=1"])
def test_replicas_that_are_not_understood_are_refused(text):
    with pytest.raises(InvalidInputError, match="is not of the form SERVICE=NUMBER"):
        parse_replicas([text])


def _when(api, condition) -> None:
    """Waits, as long as a test may take, until something holds that requests bring about."""
    reached = threading.Event()

    def look(_asked: Asked) -> None:
        if condition():
            reached.set()

    api.faults.append(look)
    assert condition() or reached.wait(30)
