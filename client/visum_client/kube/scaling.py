"""Replicas of services: so many, now or for a while."""

import contextlib
import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from visum_client.errors import InvalidInputError, PreconditionError, ServiceUnavailableError
from visum_client.kube.cluster import Cluster
from visum_client.methods import SERVICES

READY_SECONDS = 900.0
"""How long replicas may take to become ready: on cloud nodes that must be started first, minutes."""
_TRIES = 5
_SILENCE_SECONDS = 30.0

_log = logging.getLogger("visum_client")


@dataclass(frozen=True)
class _Dial:
    """Where the number of replicas of a service is set: its Deployment, or the autoscaler that decides over it."""

    cluster: Cluster
    service: str
    autoscaler: str | None

    @property
    def deployment(self) -> str:
        return deployment_of(self.service)

    def read(self) -> tuple[int, str]:
        """The number that is set, and the version of the object that holds it."""
        if self.autoscaler is None:
            scale = self.cluster.call(self.cluster.deployments.read_namespaced_deployment_scale, self.deployment)
            return scale.spec.replicas or 0, scale.metadata.resource_version
        found = _autoscaler(self.cluster, self.deployment)
        if found is None:
            raise PreconditionError(f"the autoscaler of {self.deployment} is gone")
        return found.spec.min_replicas or 1, found.metadata.resource_version

    def write(self, replicas: int, version: str) -> None:
        """Sets the number. Raises PreconditionError where the object is not of that version any more."""
        metadata = {"resourceVersion": version}
        if self.autoscaler is None:
            body: dict[str, Any] = {"metadata": metadata, "spec": {"replicas": replicas}}
            patch = self.cluster.deployments.patch_namespaced_deployment_scale
            self.cluster.call(patch, self.deployment, body=body)
        else:
            body = {"metadata": metadata, "spec": {"minReplicas": replicas}}
            patch = self.cluster.autoscalers.patch_namespaced_horizontal_pod_autoscaler
            self.cluster.call(patch, self.autoscaler, body=body)

    def turn(self, replicas: int, expected: int | None = None) -> int:
        """Sets the number and returns the one before; with `expected`, leaves any other number alone.

        Raises:
            PreconditionError: Others change it all the time.
        """
        for attempt in range(_TRIES):
            before, version = self.read()
            if before == replicas or expected not in (None, before):
                return before
            try:
                self.write(replicas, version)
                return before
            except PreconditionError:
                if attempt == _TRIES - 1:
                    raise
        raise AssertionError("unreachable")


def deployment_of(service: str) -> str:
    """Name of the Deployment of a service."""
    return f"visum-{service}"


def parse_replicas(texts: list[str]) -> dict[str, int]:
    """Reads `mask=8` and the like. Raises InvalidInputError where one is not of that form."""
    replicas = {}
    for text in texts:
        service, _, number = text.partition("=")
        if service not in SERVICES or not number.isdecimal():
            known = ", ".join(SERVICES)
            raise InvalidInputError(f"{text!r} is not of the form SERVICE=NUMBER with a service of {known}", "replicas")
        replicas[service] = int(number)
    return replicas


def scale(cluster: Cluster, replicas: Mapping[str, int]) -> dict[str, int]:
    """Sets the replicas of services and returns the numbers before.

    Where an autoscaler decides over a service, its least number is set.

    Raises:
        InvalidInputError: A number is negative, or more than an autoscaler admits.
        PreconditionError: KEDA decides over a service.
        NotFoundError: A service is not in the cluster.
        VisumError: The cluster refuses.
    """
    dials = {service: _dial(cluster, service, number) for service, number in replicas.items()}
    return {service: dials[service].turn(number) for service, number in replicas.items()}


def wait_until_ready(cluster: Cluster, replicas: Mapping[str, int], ready_seconds: float = READY_SECONDS) -> None:
    """Waits until services have so many replicas that are ready.

    Raises:
        ServiceUnavailableError: They were not ready in time; says how many are.
        NotFoundError: A service is not in the cluster.
    """
    deadline = time.monotonic() + ready_seconds
    for service, number in replicas.items():
        _wait_until_ready(cluster, deployment_of(service), number, deadline, ready_seconds)


@contextlib.contextmanager
def scaled(cluster: Cluster, replicas: Mapping[str, int], ready_seconds: float = READY_SECONDS) -> Iterator[None]:
    """Scales services up, waits until they are ready, and scales them back at the end, also after an error.

    A number that somebody else has changed meanwhile is left as it is. Raises as `scale` and `wait_until_ready`.
    """
    dials = {service: _dial(cluster, service, number) for service, number in replicas.items()}
    with contextlib.ExitStack() as stack:
        for service, number in replicas.items():
            before = dials[service].turn(number)
            stack.callback(_turn_back, dials[service], number, before)
        wait_until_ready(cluster, replicas, ready_seconds)
        yield


def _turn_back(dial: _Dial, ours: int, before: int) -> None:
    found = dial.turn(before, expected=ours)
    if found != ours:
        _log.warning("%s has %d replicas, set by somebody else: left as it is", dial.deployment, found)


def _dial(cluster: Cluster, service: str, number: int) -> _Dial:
    if number < 0:
        raise InvalidInputError(f"is {number}, must not be negative", service)
    autoscaler = _autoscaler(cluster, deployment_of(service))
    if autoscaler is None:
        return _Dial(cluster, service, None)
    if any(owner.kind == "ScaledObject" for owner in autoscaler.metadata.owner_references or ()):
        raise PreconditionError(f"KEDA decides over the replicas of {service}; change its ScaledObject", service)
    if not 1 <= number <= autoscaler.spec.max_replicas:
        most = autoscaler.spec.max_replicas
        raise InvalidInputError(f"is {number}; the autoscaler of {service} admits 1..{most}", service)
    return _Dial(cluster, service, autoscaler.metadata.name)


def _autoscaler(cluster: Cluster, deployment: str) -> Any:
    found = cluster.call(cluster.autoscalers.list_namespaced_horizontal_pod_autoscaler).items
    return next((entry for entry in found if entry.spec.scale_target_ref.name == deployment), None)


def _wait_until_ready(cluster: Cluster, name: str, number: int, deadline: float, ready_seconds: float) -> None:
    silence = max(0.1, min(_SILENCE_SECONDS, ready_seconds))
    for found in cluster.follow(cluster.deployments.list_namespaced_deployment, name, silence_seconds=silence):
        if found is None:
            raise PreconditionError(f"there is no Deployment {name} in the namespace {cluster.namespace}")
        ready = found.status.ready_replicas or 0
        if ready >= number and (found.status.observed_generation or 0) >= found.metadata.generation:
            return
        if time.monotonic() > deadline:
            text = f"{ready} of {number} replicas of {name} are ready after {ready_seconds:.0f} s"
            raise ServiceUnavailableError(f"{text}; `kubectl describe pods` says why")
