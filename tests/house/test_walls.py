"""The walls between the rooms of the house, held by reading imports."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SERVICES = {"visum_mask", "visum_proposals", "visum_clustering", "visum_specializer"}
OUTSIDE = {"visum_client", "visum_evaluation", "visum_demo"}
HEAVY = {"torch", "torchvision", "cv2", "sklearn", "skimage"}
DOORS = {"servicer.py", "server.py", "__main__.py"}


def modules(folder: str) -> list[Path]:
    return sorted(
        path for path in (ROOT / folder).rglob("*.py") if "_pb2" not in path.name and "build" not in path.parts
    )


def imports(path: Path) -> set[str]:
    names = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names.add(node.module.split(".")[0])
    return names


def crossings(paths: list[Path], banned: set[str]) -> list[str]:
    assert paths
    return [f"{path.relative_to(ROOT)}: {sorted(found)}" for path in paths if (found := imports(path) & banned)]


def test_the_client_is_thin():
    assert crossings(modules("client"), HEAVY | SERVICES | {"visum_runtime", "visum_models", "visum_evaluation"}) == []


def test_services_know_neither_the_client_nor_the_evaluation():
    assert crossings(modules("services"), OUTSIDE) == []


@pytest.mark.parametrize("service", ["mask", "proposals", "clustering", "specializer"])
def test_no_service_imports_another(service):
    assert crossings(modules(f"services/{service}"), SERVICES - {f"visum_{service}"}) == []


def test_what_services_share_knows_no_service():
    assert crossings(modules("services/common"), SERVICES | OUTSIDE) == []


def test_servicers_decode_call_and_encode():
    servicers = [path for path in modules("services") if path.name == "servicer.py"]
    assert len(servicers) == 4
    assert crossings(servicers, HEAVY) == []


@pytest.mark.parametrize("service", ["mask", "proposals", "clustering", "specializer"])
def test_algorithms_know_no_grpc(service):
    algorithms = [path for path in modules(f"services/{service}") if path.name not in DOORS]
    assert crossings(algorithms, {"grpc"}) == []


@pytest.mark.parametrize("service", ["proposals", "clustering"])
def test_proposals_and_clustering_load_no_network(service):
    assert crossings(modules(f"services/{service}"), {"torch", "torchvision", "visum_models"}) == []


def test_protos_hold_messages_only():
    assert crossings([*modules("protos")], HEAVY | {"numpy"}) == []


@pytest.mark.parametrize("path", modules("tests"), ids=lambda path: str(path.relative_to(ROOT)))
def test_tests_talk_to_real_servers(path):
    assert not imports(path) & {"mock", "grpc_testing"}
    assert "unittest.mock" not in path.read_text(encoding="utf-8") or path == Path(__file__)


def test_a_crossing_would_be_seen():
    bad = ROOT / "tests" / "house" / "example_of_a_crossing.txt"
    assert imports(bad) == {"torch", "grpc"}
