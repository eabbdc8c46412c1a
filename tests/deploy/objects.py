"""Rendered manifests, and the questions that tests ask them."""

from collections.abc import Iterator
from typing import Any

Manifest = dict[str, Any]


class Objects:
    """The objects of one rendered combination."""

    def __init__(self, manifests: list[Manifest]) -> None:
        self.all = manifests

    def of(self, kind: str) -> list[Manifest]:
        return [manifest for manifest in self.all if manifest["kind"] == kind]

    def one(self, kind: str, name: str) -> Manifest:
        (found,) = [manifest for manifest in self.of(kind) if manifest["metadata"]["name"] == name]
        return found

    def pods(self) -> dict[str, dict[str, str]]:
        """The labels of the pods of each Deployment."""
        return {
            manifest["metadata"]["name"]: manifest["spec"]["template"]["metadata"]["labels"]
            for manifest in self.of("Deployment")
        }


def server(deployment: Manifest) -> Manifest:
    """The only container of a Deployment."""
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    return container


def component(manifest: Manifest) -> str:
    return manifest["metadata"]["labels"]["app.kubernetes.io/component"]


def environment(container: Manifest) -> dict[str, str]:
    """The variables of a container; what Kubernetes fills in is worked out here."""
    values = {}
    for entry in container["env"]:
        reference = entry.get("valueFrom", {}).get("resourceFieldRef")
        if reference:
            section, resource = reference["resource"].split(".")
            values[entry["name"]] = str(container["resources"][section][resource])
        else:
            values[entry["name"]] = entry["value"]
    return values


def selects(selector: Manifest, labels: dict[str, str]) -> bool:
    """True where a label selector matches labels; an empty one matches all."""
    if any(labels.get(key) != value for key, value in selector.get("matchLabels", {}).items()):
        return False
    expressions = selector.get("matchExpressions", [])
    assert all(expression["operator"] == "In" for expression in expressions)
    return all(labels.get(expression["key"]) in expression["values"] for expression in expressions)


def label_selectors(node: Any) -> Iterator[Manifest]:
    """Every label selector anywhere inside an object."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("selector", "labelSelector") and isinstance(value, dict):
                yield value if "matchLabels" in value or "matchExpressions" in value else {"matchLabels": value}
            else:
                yield from label_selectors(value)
    elif isinstance(node, list):
        for value in node:
            yield from label_selectors(value)
