"""Class runs as one Indexed Job: each index runs one class inside the cluster."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.metadata import version
from typing import Any, Self

from visum_client.errors import InvalidInputError

ORDER_VARIABLE = "VISUM_CLASS_RUNS"
"""Environment variable that holds the order, as JSON."""
INDEX_VARIABLE = "JOB_COMPLETION_INDEX"
"""Environment variable by which Kubernetes tells a pod its index."""
TARGET = "{target}"
"""Stands for the class in the place of the images."""
RUNS_LABEL = "app.kubernetes.io/component=class-run"
CLIENT_LABELS = {
    "app.kubernetes.io/name": "visum-class-run",
    "app.kubernetes.io/component": "class-run",
    "app.kubernetes.io/part-of": "visum",
    "app.kubernetes.io/managed-by": "visum-client",
    "visum-client": "true",
}
"""Labels of the pods that run classes; network policies admit them to the services."""
WORK_FOLDER = "/work"
CREDENTIALS_FOLDER = "/etc/visum/client"
"""Where pods find the Secrets NAME-tls and NAME-token of a placement's credentials."""
WILL_NOT_GET_BETTER = 2
"""Exit code of a class run that fails the same way each time."""
_CONTAINER = "class-run"
_TRIES = 3
_GRACE_SECONDS = 120
_DAY_SECONDS = 24 * 3600
_NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,51}[a-z0-9])?")
_USER = 65532


@dataclass(frozen=True, kw_only=True)
class Order:
    """Classes to be run, each from a place of images to a run folder.

    Raises:
        InvalidInputError: A value is missing or out of range; `field` names it.
    """

    model: str
    """Name of a network that the mask service has."""
    targets: tuple[str, ...]
    """The classes, by name or index; one index of the Job each."""
    images: str
    """URI of a folder of images or a glob; `{target}` stands for the class."""
    out: str
    """URI of the folder that gets the run folders."""
    limit: int | None = None
    """Take the first so many images of each class; None: all."""
    admit_unrecognized: bool = False
    """Let images take part whose best class is another."""
    options: tuple[str, ...] = ()
    """Options of steps, as STEP.NAME=VALUE."""

    def __post_init__(self) -> None:
        for name in ("model", "images", "out"):
            if not getattr(self, name):
                raise InvalidInputError("is empty", name)
        if not self.targets or len(set(self.targets)) < len(self.targets):
            raise InvalidInputError("must name at least one class, and none twice", "target")
        if len(self.targets) > 1 and TARGET not in self.images:
            raise InvalidInputError(f"must contain {TARGET} where there are several classes", "images")
        for name in ("images", "out"):
            if "://" not in getattr(self, name):
                raise InvalidInputError(f"{getattr(self, name)!r} is not a URI, as s3://bucket/folder", name)

    def images_of(self, index: int) -> str:
        """Where the images of a class are."""
        return self.images.replace(TARGET, self.targets[index])

    def out_of(self, index: int) -> str:
        """Where the run folder of a class goes."""
        return f"{self.out.rstrip('/')}/{self.folder_of(index)}"

    def folder_of(self, index: int) -> str:
        """Name of the run folder of a class."""
        words = re.sub(r"[^a-z0-9]+", "-", self.targets[index].lower()).strip("-")
        return f"{index:04d}-{words}".rstrip("-")

    def to_json(self) -> str:
        """The text that `parse` reads."""
        return json.dumps(asdict(self))

    @classmethod
    def parse(cls, text: str) -> Self:
        """Reads what `to_json` wrote."""
        content = json.loads(text)
        lists = {name: tuple(content[name]) for name in ("targets", "options")}
        return cls(**{**content, **lists})


@dataclass(frozen=True, kw_only=True)
class Placement:
    """How class runs are run in a cluster.

    Raises:
        InvalidInputError: A value is out of range; `field` names it.
    """

    image: str = f"visum-client:{version('visum-client')}"
    """Image of the client."""
    parallelism: int = 4
    """Classes run at once."""
    cpu: str = "1"
    """Processor of a class run, as Kubernetes writes it."""
    memory: str = "2Gi"
    """Memory of a class run."""
    disk: str = "10Gi"
    """Disk for the images and the run folder of one class."""
    credentials: str = "visum-client"
    """What class runs show to the services: the Secrets NAME-tls (certificate) and NAME-token, where there are any."""

    def __post_init__(self) -> None:
        if self.parallelism < 1:
            raise InvalidInputError(f"is {self.parallelism}, must be at least 1", "parallelism")


def class_run_job(name: str, order: Order, placement: Placement) -> dict[str, Any]:
    """The manifest of the Job.

    Raises:
        InvalidInputError: The name is not one that Kubernetes takes.
    """
    if not _NAME.fullmatch(name):
        raise InvalidInputError(f"{name!r} must be lowercase letters, digits and '-', at most 53", "name")
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "labels": CLIENT_LABELS},
        "spec": {
            "completionMode": "Indexed",
            "completions": len(order.targets),
            "parallelism": min(placement.parallelism, len(order.targets)),
            "backoffLimitPerIndex": _TRIES,
            "maxFailedIndexes": len(order.targets),
            "ttlSecondsAfterFinished": 7 * _DAY_SECONDS,
            "podFailurePolicy": _failure_policy(),
            "template": {"metadata": {"labels": CLIENT_LABELS}, "spec": _pod(order, placement)},
        },
    }


def order_of(job: Mapping[str, Any]) -> Order:
    """The order that a Job's manifest holds. Raises InvalidInputError where it is no Job of class runs."""
    for container in job["spec"]["template"]["spec"]["containers"]:
        for entry in container.get("env") or ():
            if entry["name"] == ORDER_VARIABLE:
                return Order.parse(entry["value"])
    raise InvalidInputError("is not a Job of class runs", job["metadata"]["name"])


def _failure_policy() -> dict[str, Any]:
    """A class that cannot succeed is not tried again; a pod that was moved away costs no try."""
    never = {"containerName": _CONTAINER, "operator": "In", "values": [WILL_NOT_GET_BETTER]}
    return {
        "rules": [
            {"action": "FailIndex", "onExitCodes": never},
            {"action": "Ignore", "onPodConditions": [{"type": "DisruptionTarget", "status": "True"}]},
        ]
    }


def _pod(order: Order, placement: Placement) -> dict[str, Any]:
    return {
        "restartPolicy": "Never",
        "serviceAccountName": "visum-class-run",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": _GRACE_SECONDS,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": _USER,
            "runAsGroup": _USER,
            "fsGroup": _USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [_container(order, placement)],
        "volumes": [
            {"name": "work", "emptyDir": {"sizeLimit": placement.disk}},
            {"name": "tmp", "emptyDir": {}},
            {"name": "credentials", "projected": _credentials(placement.credentials)},
        ],
    }


def _credentials(name: str) -> dict[str, Any]:
    """Files that this pod's group alone may read."""
    secrets = [{"secret": {"name": f"{name}-{kind}", "optional": True}} for kind in ("tls", "token")]
    return {"defaultMode": 0o440, "sources": secrets}


def _container(order: Order, placement: Placement) -> dict[str, Any]:
    resources = {"cpu": placement.cpu, "memory": placement.memory}
    store = {"name": "visum-object-store", "optional": True}
    return {
        "name": _CONTAINER,
        "image": placement.image,
        "command": ["python", "-m", "visum_client.kube.class_run"],
        "args": ["--folder", WORK_FOLDER],
        "env": [{"name": ORDER_VARIABLE, "value": order.to_json()}],
        "envFrom": [{"configMapRef": {"name": "visum-services"}}, {"configMapRef": store}, {"secretRef": store}],
        "resources": {"requests": resources, "limits": resources},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": "work", "mountPath": WORK_FOLDER},
            {"name": "tmp", "mountPath": "/tmp"},
            {"name": "credentials", "mountPath": CREDENTIALS_FOLDER, "readOnly": True},
        ],
    }
