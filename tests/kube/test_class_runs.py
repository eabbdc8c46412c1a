"""Class runs, from the command line to the run folder, against a server that speaks the Kubernetes API."""

import json
import os
import shutil

import pytest

from deploy.manifests import validate
from tests.support.job_controller import JobController, put_pod
from tests.support.kubernetes_api import Asked, Dropped, Refused
from visum_client import Run
from visum_client.cli import main
from visum_client.errors import InvalidInputError, NotFoundError, PreconditionError, VisumError
from visum_client.kube import class_runs
from visum_client.kube.job import Order, Placement, class_run_job, order_of

ORDER = Order(
    model="resnet50", targets=("jay", "golden retriever", "7"), images="s3://photos/{target}/", out="s3://runs/birds"
)


def submit(cluster, name="birds", order=ORDER) -> dict:
    class_runs.submit(cluster, name, order)
    return class_run_job(name, order, Placement())


def states(cluster) -> list[str]:
    return [run.state for run in class_runs.status(cluster, "birds").runs]


def test_the_job_is_valid_and_may_nothing():
    job = class_run_job("birds", ORDER, Placement())
    assert validate(job) == []
    spec = job["spec"]
    assert (spec["completionMode"], spec["completions"], spec["parallelism"]) == ("Indexed", 3, 3)
    pod = spec["template"]["spec"]
    (container,) = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert pod["automountServiceAccountToken"] is False
    assert pod["serviceAccountName"] == "visum-class-run"


def test_a_job_holds_its_order():
    assert order_of(class_run_job("birds", ORDER, Placement())) == ORDER
    assert [ORDER.out_of(index) for index in range(3)] == [
        "s3://runs/birds/0000-jay",
        "s3://runs/birds/0001-golden-retriever",
        "s3://runs/birds/0002-7",
    ]
    assert ORDER.images_of(1) == "s3://photos/golden retriever/"


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"targets": ()}, "target"),
        ({"targets": ("jay", "jay")}, "target"),
        ({"images": "s3://photos/"}, "images"),
        ({"images": "photos/{target}"}, "images"),
        ({"out": "runs"}, "out"),
        ({"model": ""}, "model"),
    ],
)
def test_a_wrong_order_is_refused(change, field):
    values = {name: getattr(ORDER, name) for name in ("model", "targets", "images", "out")}
    with pytest.raises(InvalidInputError) as caught:
        Order(**values | change)
    assert caught.value.field == field


@pytest.mark.parametrize("name", ["Birds", "", "-a", "a" * 54, "a/b"])
def test_a_name_that_kubernetes_does_not_take_is_refused(name):
    with pytest.raises(InvalidInputError, match="lowercase"):
        class_run_job(name, ORDER, Placement())


def test_states_are_told_for_each_class(api, cluster):
    template = submit(cluster)["spec"]["template"]
    assert states(cluster) == ["waiting"] * 3
    put_pod(api, "birds", 1, "Running", template)
    assert states(cluster) == ["waiting", "running", "waiting"]
    api.change("jobs", "birds", status={"completedIndexes": "0-1"})
    assert states(cluster) == ["complete", "complete", "waiting"]
    finish(api, completed="0-1", failed="2")
    assert states(cluster) == ["complete", "complete", "failed"]
    assert class_runs.status(cluster, "birds").finished


def finish(api, *, completed="", failed="") -> None:
    condition = {"type": "Failed" if failed else "Complete", "status": "True"}
    status = {"completedIndexes": completed, "failedIndexes": failed, "conditions": [condition]}
    api.change("jobs", "birds", status=status)


def test_a_second_job_of_a_name_is_refused(cluster):
    submit(cluster)
    with pytest.raises(PreconditionError, match='jobs "birds" already exists'):
        submit(cluster)


def test_what_does_not_exist_is_an_error(cluster):
    for call in (class_runs.status, class_runs.cancel):
        with pytest.raises(NotFoundError, match='jobs "birds" not found'):
            call(cluster, "birds")
    with pytest.raises(NotFoundError, match="there is no Job birds"):
        list(class_runs.until_finished(cluster, "birds"))
    submit(cluster)
    with pytest.raises(NotFoundError, match="class run 1 of birds has no pod"):
        list(class_runs.logs(cluster, "birds", 1))


def test_waiting_sees_each_change_although_watches_break(api, cluster):
    submit(cluster)
    troubles = [Dropped(), Refused(410, "Expired", "too old"), Dropped()]

    def trouble(asked: Asked) -> None:
        if asked.verb == "watch" and troubles:
            raise troubles.pop()

    api.faults.append(trouble)
    seen = []
    for found in class_runs.until_finished(cluster, "birds", silence_seconds=20):
        seen.append(found.count("complete"))
        if found.count("complete") == 0:
            api.change("jobs", "birds", status={"completedIndexes": "0"})
        elif not found.finished:
            finish(api, completed="0-2")
    assert seen[0] == 0
    assert seen[-1] == 3
    assert not troubles


def test_a_job_that_is_removed_while_one_waits_is_an_error(api, cluster):
    submit(cluster)
    found = class_runs.until_finished(cluster, "birds", silence_seconds=20)
    assert not next(found).finished
    class_runs.cancel(cluster, "birds")
    with pytest.raises(NotFoundError, match="there is no Job birds"):
        next(found)


def test_only_complete_classes_are_fetched(api, cluster, tmp_path):
    order = Order(model="m", targets=("a", "b"), images=f"file://{tmp_path}/{{target}}", out=f"file://{tmp_path}/out")
    submit(cluster, order=order)
    finished = tmp_path / "out" / "0000-a"
    finished.mkdir(parents=True)
    (finished / "run.json").write_text("{}")
    api.change("jobs", "birds", status={"completedIndexes": "0"})
    assert class_runs.fetch(cluster, "birds", tmp_path / "runs") == [tmp_path / "runs" / "0000-a"]
    assert (tmp_path / "runs" / "0000-a" / "run.json").read_text() == "{}"
    with pytest.raises(VisumError, match="class run 1 of birds is waiting, not complete"):
        class_runs.fetch(cluster, "birds", tmp_path / "runs", 1)
    with pytest.raises(InvalidInputError, match=r"the class runs of birds are 0\.\.1"):
        class_runs.fetch(cluster, "birds", tmp_path / "runs", 2)


def test_a_role_without_rights_is_named(api, cluster):
    api.rules = []
    with pytest.raises(VisumError, match="jobs is forbidden.*bind the Role visum-operator"):
        submit(cluster)


def tell(capsys, *words: str) -> dict:
    """Types a command and returns what it printed as JSON."""
    code = main(["kube", *words, "--json"])
    found = json.loads(capsys.readouterr().out)
    return found | {"code": code}


def test_a_class_run_from_the_command_line_to_the_run_folder(
    api, kubeconfig, services, network, pictures, tmp_path, capsys, deployment, role
):
    """The cluster's part is played by processes; services, object store and all commands are real."""
    store = tmp_path / "store"
    shutil.copytree(pictures, store / "striped")
    deployment("mask")
    environment = dict(os.environ) | {"VISUM_SERVICES": services.addresses}
    controller = JobController(api, tmp_path, environment)
    flags = [
        "--model",
        "stripes",
        "--target",
        "striped",
        "--target",
        "plain",
        "--images",
        f"file://{store}/{{target}}/",
    ]
    options = [word for option in OPTIONS for word in ("--option", option)]
    shutil.copytree(pictures, store / "plain", ignore=shutil.ignore_patterns("[2-9]*"))
    submitted = tell(capsys, "submit", "birds", *flags, "--out", f"file://{store}/runs", *options)
    assert submitted["waiting"] + submitted["running"] == 2
    waited = tell(capsys, "status", "birds", "--wait")
    controller.join()
    assert (waited["complete"], waited["failed"], waited["code"]) == (1, 1, 1)
    failure = tell(capsys, "logs", "birds", "--index", "1")["lines"]
    assert any("at least 3 are needed" in line for line in failure)
    assert main(["kube", "logs", "birds", "--follow"]) == 0
    assert f"run folder: file://{store}/runs/0000-striped" in capsys.readouterr().out
    fetched = tell(capsys, "fetch", "birds", "--out", str(tmp_path / "fetched"))
    assert fetched["runs"] == [str(tmp_path / "fetched" / "0000-striped")]
    assert Run.load(fetched["runs"][0]).status == "complete"
    assert (store / "runs" / "0001-plain" / "images.json").exists(), "what a failed class finished is kept"
    assert [job["name"] for job in tell(capsys, "status")["jobs"]] == ["birds"]
    assert tell(capsys, "cancel", "birds")["cancelled"] == "birds"
    assert tell(capsys, "status")["jobs"] == []
    deployment("mask")
    api.put("horizontalpodautoscalers", AUTOSCALER)
    assert tell(capsys, "scale", "mask=2", "--wait")["before"] == {"mask": 1}
    api.remove("horizontalpodautoscalers", "visum-mask")
    assert tell(capsys, "scale", "mask=3", "--wait")["before"] == {"mask": 2}
    used = {(asked.group, asked.resource, asked.verb) for asked in api.asked}
    # Watches are begun only where there is something to wait for.
    assert rights(role) == used | {("batch", "jobs", "watch"), ("apps", "deployments", "watch")}


OPTIONS = ("mask.iterations=20", "describe.max_boxes=60", "clustering.ssim_rule=off")
AUTOSCALER = {
    "metadata": {"name": "visum-mask"},
    "spec": {
        "minReplicas": 1,
        "maxReplicas": 4,
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "visum-mask"},
    },
    "status": {"currentReplicas": 1, "desiredReplicas": 1},
}


def rights(role) -> set[tuple[str, str, str]]:
    return {
        (group, resource, verb)
        for rule in role
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }
