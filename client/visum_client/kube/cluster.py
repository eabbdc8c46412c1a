"""A namespace of a Kubernetes cluster, through the official client."""

import contextlib
import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, TypeVar

import kubernetes
import urllib3
from kubernetes.client import ApiException

from visum_client.errors import InvalidInputError, NotFoundError, PreconditionError, ServiceUnavailableError, VisumError

Result = TypeVar("Result")

DEFAULT_NAMESPACE = "visum"
FORBIDDEN, NOT_FOUND, CONFLICT, GONE = 403, 404, 409, 410
_CONNECT_SECONDS = 10.0
_ANSWER_SECONDS = 60.0
_KINDS: dict[int, type[VisumError]] = {
    400: InvalidInputError,
    422: InvalidInputError,
    NOT_FOUND: NotFoundError,
    CONFLICT: PreconditionError,
}


@dataclass(frozen=True)
class Cluster:
    """Where the services and the class runs are."""

    api: kubernetes.client.ApiClient = field(repr=False)
    """Connection to the API server."""
    namespace: str = DEFAULT_NAMESPACE
    """Their namespace."""

    @classmethod
    def connect(cls, namespace: str = DEFAULT_NAMESPACE, context: str | None = None) -> "Cluster":
        """The cluster of the kubeconfig, or the one that this process runs in.

        Args:
            namespace: Where the services are.
            context: A context of the kubeconfig; None: the current one.

        Raises:
            VisumError: There is neither a usable kubeconfig nor a cluster around this process.
        """
        configuration = kubernetes.client.Configuration()
        place = os.environ.get("KUBECONFIG") or os.path.expanduser("~/.kube/config")
        try:
            if context is None and "KUBECONFIG" not in os.environ and not os.path.exists(place):
                kubernetes.config.load_incluster_config(client_configuration=configuration)
            else:
                kubernetes.config.load_kube_config(place, context, client_configuration=configuration)
        except kubernetes.config.ConfigException as error:
            raise VisumError(f"no Kubernetes cluster is configured ({place}): {error}") from error
        return cls(kubernetes.client.ApiClient(configuration), namespace)

    @property
    def jobs(self) -> Any:
        """The API of Jobs."""
        return kubernetes.client.BatchV1Api(self.api)

    @property
    def pods(self) -> Any:
        """The API of pods."""
        return kubernetes.client.CoreV1Api(self.api)

    @property
    def deployments(self) -> Any:
        """The API of Deployments."""
        return kubernetes.client.AppsV1Api(self.api)

    @property
    def autoscalers(self) -> Any:
        """The API of HorizontalPodAutoscalers."""
        return kubernetes.client.AutoscalingV2Api(self.api)

    def call(self, method: Callable[..., Any], *arguments: Any, **options: Any) -> Any:
        """Calls a method of an API in this namespace. Raises as `translated`."""
        options.setdefault("_request_timeout", (_CONNECT_SECONDS, _ANSWER_SECONDS))
        with translated():
            return method(*arguments, namespace=self.namespace, **options)

    def follow(self, list_method: Callable[..., Any], name: str, *, silence_seconds: float) -> Iterator[Any]:
        """The object of a name, now and whenever it changes; None where it does not exist.

        A watch that is dropped, silent for long, or too old for the server is begun again from the present state.

        Args:
            list_method: Lists objects of its kind in a namespace.
            name: The object's name.
            silence_seconds: After so long without a word, it is looked up anew.

        Raises:
            VisumError: The server refuses.
        """
        selector = f"metadata.name={name}"
        while True:
            listed = self.call(list_method, field_selector=selector)
            yield listed.items[0] if listed.items else None
            with contextlib.suppress(urllib3.exceptions.HTTPError, _Outdated), translated(), _outdated():
                for event in kubernetes.watch.Watch().stream(
                    list_method,
                    self.namespace,
                    field_selector=selector,
                    resource_version=listed.metadata.resource_version,
                    timeout_seconds=max(1, round(silence_seconds)),
                    _request_timeout=(_CONNECT_SECONDS, silence_seconds),
                ):
                    yield None if event["type"] == "DELETED" else event["object"]


class _Outdated(Exception):
    """The server does not remember where a watch wants to begin."""


@contextlib.contextmanager
def _outdated() -> Iterator[None]:
    try:
        yield
    except ApiException as error:
        if error.status == GONE:
            raise _Outdated from error
        raise


@contextlib.contextmanager
def translated() -> Iterator[None]:
    """Errors of the Kubernetes API in the user's language.

    Raises:
        NotFoundError: What was named does not exist.
        PreconditionError: It exists already, or was changed meanwhile.
        InvalidInputError: The server finds the request malformed.
        ServiceUnavailableError: The server cannot be reached.
        VisumError: It refuses, or failed.
    """
    try:
        yield
    except ApiException as error:
        text = _message(error)
        if error.status == FORBIDDEN:
            text += "; bind the Role visum-operator to whoever runs this command"
        kind = _KINDS.get(error.status, VisumError)
        raise kind(f"Kubernetes: {text}") from error
    except urllib3.exceptions.MaxRetryError as error:
        raise ServiceUnavailableError(f"the Kubernetes API does not answer: {error.reason}") from error


def _message(error: ApiException) -> str:
    """What the server says of an error in its Status object."""
    with contextlib.suppress(ValueError, TypeError, KeyError):
        return str(json.loads(error.body or "")["message"])
    return f"{error.status} {error.reason}"
