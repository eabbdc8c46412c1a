"""A stateful server that speaks the part of the Kubernetes API that visum uses: JSON over HTTP, with rights and faults.

Objects are what was written, plus what the API server itself adds. Every request is held against the rules of a Role.
What controllers would do, tests do: `change` and `remove` are seen by watches like any other change.
"""

import copy
import itertools
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from deploy.manifests import newest_versions, validate

Object = dict[str, Any]
_PATH = re.compile(
    r"/api(?:s/(?P<group>[^/]+))?/(?P<version>v\d+)/namespaces/(?P<namespace>[^/]+)"
    r"/(?P<resource>[^/]+)(?:/(?P<name>[^/]+)(?:/(?P<sub>[^/]+))?)?"
)
_KINDS = {
    "jobs": "Job",
    "pods": "Pod",
    "deployments": "Deployment",
    "horizontalpodautoscalers": "HorizontalPodAutoscaler",
}
_VERSIONS = {"batch": "batch/v1", "": "v1", "apps": "apps/v1", "autoscaling": "autoscaling/v2"}
_PATIENCE_SECONDS = 30


@dataclass(frozen=True)
class Asked:
    """A request, as rights see it."""

    verb: str
    group: str
    resource: str
    namespace: str
    name: str | None


class Refused(Exception):
    """An error of the API."""

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status = {
            "kind": "Status",
            "apiVersion": "v1",
            "status": "Failure",
            "code": code,
            "reason": reason,
            "message": message,
        }


@dataclass
class KubernetesApi:
    """The state of the cluster. A fault is called for each request and may raise Refused, or drop the connection."""

    rules: list[Object] | None = None
    """Rules of the caller's Role; None: may do all."""
    objects: dict[tuple[str, str, str], Object] = field(default_factory=dict)
    """By resource, namespace and name."""
    logs: dict[str, list[str]] = field(default_factory=dict)
    """Lines by pod."""
    asked: list[Asked] = field(default_factory=list)
    """Every request so far."""
    faults: list[Callable[[Asked], None]] = field(default_factory=list)
    """Called in order before a request is answered."""
    changed: Callable[[str, Object], None] = lambda resource, found: None
    """A controller: called after each change that came over the wire."""
    oldest: int = 0
    """Watches that begin before this version are Gone."""
    url: str = ""

    def __post_init__(self) -> None:
        self._versions = itertools.count(1)
        self._version = 0
        self._events: list[tuple[int, str, str, str, Object]] = []
        self.condition = threading.Condition()

    def put(self, resource: str, found: Object, namespace: str = "visum") -> Object:
        """Adds an object or replaces it, as a controller does."""
        with self.condition:
            name = found["metadata"]["name"]
            event = "MODIFIED" if (resource, namespace, name) in self.objects else "ADDED"
            self._version = next(self._versions)
            found = copy.deepcopy(found)
            found["metadata"] |= {"namespace": namespace, "resourceVersion": str(self._version)}
            found["metadata"].setdefault("creationTimestamp", f"2026-01-01T00:00:{self._version % 60:02d}Z")
            found["metadata"].setdefault("uid", f"uid-{self._version}")
            self.objects[resource, namespace, name] = found
            self._events.append((self._version, event, resource, namespace, found))
            self.condition.notify_all()
            return found

    def change(self, resource: str, name: str, **parts: Object) -> None:
        """Merges into parts of an object, as `change("jobs", "birds", status={"active": 1})`."""
        with self.condition:
            found = copy.deepcopy(self.objects[resource, "visum", name])
            for part, content in parts.items():
                found[part] = found.get(part, {}) | content
            self.put(resource, found)

    def remove(self, resource: str, name: str, namespace: str = "visum") -> None:
        """Removes an object."""
        with self.condition:
            found = self.objects.pop((resource, namespace, name))
            self._version = next(self._versions)
            self._events.append((self._version, "DELETED", resource, namespace, found))
            self.condition.notify_all()

    def forget(self) -> None:
        """Forgets the past: watches that begin in it are Gone."""
        with self.condition:
            self.oldest = self._version + 1
            self._version = next(self._versions)

    def handle(self, asked: Asked, sub: str | None, body: Any) -> Object:
        """Answers a request that is not a stream."""
        with self.condition:
            if asked.verb == "create":
                answer = self._create(asked, body)
            elif asked.verb == "list":
                raise AssertionError("lists are answered by `listed`")
            else:
                answer = self._one(asked, sub, body)
        if asked.verb in ("create", "patch", "delete"):
            self.changed(asked.resource.partition("/")[0], answer)
        return answer

    def listed(self, asked: Asked, query: dict[str, str]) -> Object:
        """Answers a list."""
        with self.condition:
            items = [found for key, found in self.objects.items() if key[:2] == (asked.resource, asked.namespace)]
            return {
                "kind": f"{_KINDS[asked.resource]}List",
                "apiVersion": _VERSIONS[asked.group],
                "metadata": {"resourceVersion": str(self._version)},
                "items": [copy.deepcopy(found) for found in items if _selected(found, query)],
            }

    def watched(self, asked: Asked, query: dict[str, str]) -> Iterator[Object]:
        """The events after a version, until the time that was asked for is over."""
        seen, seconds = int(query.get("resourceVersion") or 0), float(query.get("timeoutSeconds") or 60)
        if seen < self.oldest:
            yield {"type": "ERROR", "object": Refused(410, "Expired", "too old resource version").status}
            return
        while events := self._events_after(seen, seconds):
            for version, event, resource, namespace, found in events:
                seen = version
                if (resource, namespace) == (asked.resource, asked.namespace) and _selected(found, query):
                    yield {"type": event, "object": copy.deepcopy(found)}

    def _events_after(self, version: int, seconds: float) -> list[tuple[int, str, str, str, Object]]:
        """Waits for events; none where none come in time."""
        with self.condition:
            self.condition.wait_for(lambda: self._events and self._events[-1][0] > version, timeout=seconds)
            return [event for event in self._events if event[0] > version]

    def require_right(self, asked: Asked) -> None:
        """Raises Refused where no rule admits a request."""
        admitted = self.rules is None or any(
            asked.group in rule["apiGroups"] and asked.resource in rule["resources"] and asked.verb in rule["verbs"]
            for rule in self.rules
        )
        if not admitted:
            what = f'{asked.resource} is forbidden: cannot {asked.verb} resource "{asked.resource}"'
            raise Refused(403, "Forbidden", f'{what} in API group "{asked.group}"')

    def _create(self, asked: Asked, body: Object) -> Object:
        if (asked.resource, asked.namespace, body["metadata"]["name"]) in self.objects:
            raise Refused(409, "AlreadyExists", f'{asked.resource} "{body["metadata"]["name"]}" already exists')
        if problems := validate(body, newest_versions()[-1:]):
            raise Refused(422, "Invalid", problems[0])
        return self.put(asked.resource, body | {"status": {}}, asked.namespace)

    def _one(self, asked: Asked, sub: str | None, body: Any) -> Object:
        resource = asked.resource.partition("/")[0]
        found = self.objects.get((resource, asked.namespace, asked.name or ""))
        if found is None:
            raise Refused(404, "NotFound", f'{resource} "{asked.name}" not found')
        if asked.verb == "patch":
            version = body.get("metadata", {}).get("resourceVersion")
            if version not in (None, found["metadata"]["resourceVersion"]):
                raise Refused(409, "Conflict", "the object has been modified; please apply your changes to the latest")
            found = self.put(resource, found | {"spec": found["spec"] | body["spec"]}, asked.namespace)
        if asked.verb == "delete":
            self.remove(resource, asked.name or "", asked.namespace)
        return _scale(found) if sub == "scale" else copy.deepcopy(found)


@contextmanager
def serving(api: KubernetesApi) -> Iterator[KubernetesApi]:
    """Serves the API over HTTP on any free port of the loopback."""
    handler = type("Handler", (_Handler,), {"api": api})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    api.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class Dropped(Exception):
    """A fault: the connection is closed without an answer, or in the middle of one."""


class _Handler(BaseHTTPRequestHandler):
    api: KubernetesApi
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer({True: "get", False: "list"})

    def do_POST(self) -> None:
        self._answer({False: "create"})

    def do_PATCH(self) -> None:
        assert self.headers["Content-Type"] in (
            "application/merge-patch+json",
            "application/strategic-merge-patch+json",
        )
        self._answer({True: "patch"})

    def do_DELETE(self) -> None:
        self._answer({True: "delete"})

    def log_message(self, *_arguments: object) -> None:
        pass

    def _answer(self, verbs: dict[bool, str]) -> None:
        url = urlsplit(self.path)
        match = _PATH.fullmatch(url.path)
        query = {name: values[-1] for name, values in parse_qs(url.query).items()}
        assert match, f"no path of the API: {url.path}"
        verb = verbs[match["name"] is not None]
        verb = "watch" if verb == "list" and query.get("watch", "").lower() == "true" else verb
        resource = match["resource"] + (f"/{match['sub']}" if match["sub"] else "")
        asked = Asked(verb, match["group"] or "", resource, match["namespace"], match["name"])
        assert _VERSIONS[asked.group].rpartition("/")[2] == match["version"]
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length)) if length else None
        try:
            self.api.asked.append(asked)
            self.api.require_right(asked)
            for fault in list(self.api.faults):
                fault(asked)
            self._dispatch(asked, match["sub"], query, body)
        except Refused as refused:
            self._send(refused.status, refused.status["code"])
        except (Dropped, ConnectionError):
            self.close_connection = True

    def _dispatch(self, asked: Asked, sub: str | None, query: dict[str, str], body: Any) -> None:
        if asked.verb == "watch":
            self._stream(json.dumps(event) + "\n" for event in self.api.watched(asked, query))
        elif sub == "log":
            if ("pods", asked.namespace, asked.name) not in self.api.objects:
                raise Refused(404, "NotFound", f'pods "{asked.name}" not found')
            self._stream(line + "\n" for line in self.api.logs.get(asked.name or "", []))
        elif asked.verb == "list":
            self._send(self.api.listed(asked, query))
        else:
            self._send(self.api.handle(asked, sub, body))

    def _send(self, answer: Object, code: int = 200) -> None:
        content = json.dumps(answer).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _stream(self, parts: Iterator[str]) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for part in parts:
            for fault in list(self.api.faults):
                if getattr(fault, "in_streams", False):
                    fault(None)
            self.wfile.write(f"{len(part.encode()):x}\r\n{part}\r\n".encode())
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")


def _selected(found: Object, query: dict[str, str]) -> bool:
    labels = found["metadata"].get("labels", {})
    wanted = [entry.split("=") for entry in query.get("labelSelector", "").split(",") if entry]
    fields = [entry.split("=") for entry in query.get("fieldSelector", "").split(",") if entry]
    return all(labels.get(key) == value for key, value in wanted) and all(
        key == "metadata.name" and found["metadata"]["name"] == value for key, value in fields
    )


def _scale(found: Object) -> Object:
    metadata = {key: found["metadata"][key] for key in ("name", "namespace", "resourceVersion")}
    replicas = found["spec"]["replicas"]
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": metadata,
        "spec": {"replicas": replicas},
        "status": {"replicas": replicas},
    }
