"""Who may talk to whom: the arrows of the architecture, and no other."""

import itertools
from dataclasses import dataclass

import pytest

from tests.deploy.objects import Objects, selects, server
from visum_client.kube.job import CLIENT_LABELS

PORTS = {"grpc": 50051, "health": 50052, "metrics": 50053, "dns": 53, "https": 443}


@dataclass(frozen=True)
class Place:
    """Something with an address."""

    name: str
    labels: tuple[tuple[str, str], ...] = ()
    namespace: str = "visum"
    address: str | None = None
    """Set where it is outside of the cluster."""


@pytest.fixture(scope="module")
def places(full) -> list[Place]:
    servers = [Place(name, tuple(labels.items())) for name, labels in full.pods().items()]
    return [
        *servers,
        Place("class-run", tuple(CLIENT_LABELS.items())),
        Place("stranger", (("app", "other"),)),
        Place("prometheus", (("app", "prometheus"),), "monitoring"),
        Place("names", (("k8s-app", "kube-dns"),), "kube-system"),
        Place("neighbour", (("visum-client", "true"),), "default"),
        Place("object-store", address="203.0.113.7"),
        Place("metadata", address="169.254.169.254"),
    ]


def test_the_arrows_are_those_of_the_architecture(full, places):
    servers = set(full.pods())
    seen = {
        (a.name, b.name, port) for a, b in itertools.permutations(places, 2) for port in PORTS if may(full, a, b, port)
    }
    ours = {arrow for arrow in seen if arrow[0] in servers | {"class-run"} or arrow[1] in servers | {"class-run"}}
    expected = {("class-run", name, "grpc") for name in servers}
    expected |= {("prometheus", name, "metrics") for name in servers}
    expected |= {("class-run", "names", "dns"), ("class-run", "object-store", "https")}
    assert ours == expected


def may(objects: Objects, source: Place, target: Place, port: str) -> bool:
    """True where the policies let a connection pass on both ends."""
    if target.address and port != "https":
        return target.name == "metadata" and False
    return _allowed(objects, source, target, port, "Egress") and _allowed(objects, target, source, port, "Ingress")


def _allowed(objects: Objects, subject: Place, other: Place, port: str, direction: str) -> bool:
    if subject.namespace != "visum" or subject.address:
        return True
    policies = [
        policy["spec"]
        for policy in objects.of("NetworkPolicy")
        if selects(policy["spec"]["podSelector"], dict(subject.labels)) and direction in policy["spec"]["policyTypes"]
    ]
    rules = [rule for policy in policies for rule in policy.get(direction.lower(), [])]
    peers = "to" if direction == "Egress" else "from"
    named = _ports(objects)
    return not policies or any(
        any(_is_peer(peer, other) for peer in rule[peers])
        and any(named.get(entry["port"], entry["port"]) == PORTS[port] for entry in rule["ports"])
        for rule in rules
    )


def _is_peer(peer: dict, place: Place) -> bool:
    if "ipBlock" in peer:
        assert peer["ipBlock"] == {"cidr": "0.0.0.0/0", "except": ["169.254.0.0/16"]}
        return place.address is not None and not place.address.startswith("169.254.")
    if place.address:
        return False
    if "namespaceSelector" in peer:
        namespace = {"kubernetes.io/metadata.name": place.namespace}
        return selects(peer["namespaceSelector"], namespace) and selects(
            peer.get("podSelector", {}), dict(place.labels)
        )
    return place.namespace == "visum" and selects(peer["podSelector"], dict(place.labels))


def _ports(objects: Objects) -> dict[str, int]:
    return {
        port["name"]: port["containerPort"]
        for deployment in objects.of("Deployment")
        for port in server(deployment)["ports"]
    }
