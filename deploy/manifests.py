"""Renders and validates the manifests: `python -m deploy.manifests` (or `make manifests`).

Every overlay with every combination of components is rendered by `kubectl kustomize` into build/manifests, and each
object is held against the schemas of the three newest minor versions of Kubernetes that kubernetes-validate knows.
"""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain, combinations
from pathlib import Path
from typing import Any

import kubernetes_validate
import yaml

KUBERNETES = Path(__file__).resolve().parent / "kubernetes"
OUT = Path("build") / "manifests"
VERSIONS = 3
"""Newest minor versions of Kubernetes that manifests must be valid for."""
CUSTOM_KINDS = frozenset({"Certificate", "Issuer", "PrometheusRule", "ScaledObject", "ServiceMonitor"})
"""Kinds of other projects, whose schemas kubernetes-validate does not have."""
_RIVALS = frozenset({"autoscaling", "keda"})
_FILLED, _FILLS = "tls", "cert-manager"
"""The second makes what the first mounts, and is of no use alone."""


@dataclass(frozen=True)
class Combination:
    """An overlay and the components that are put on it."""

    overlay: str
    components: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """A name for files."""
        return "+".join((self.overlay, *self.components))


def main() -> int:
    """Renders and validates all; prints what is wrong. Exit code 0 where nothing is."""
    every = list(all_combinations())
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        rendered = list(pool.map(lambda combination: render(combination, OUT), every))
    distinct = {yaml.safe_dump(manifest): manifest for manifests in rendered for manifest in manifests}
    problems = [problem for manifest in distinct.values() for problem in validate(manifest)]
    for problem in problems:
        print(problem, file=sys.stderr)
    versions = ", ".join(newest_versions())
    print(
        f"{len(every)} combinations, {len(distinct)} distinct objects, Kubernetes {versions}: {len(problems)} problems"
    )
    print(f"rendered in {OUT}")
    return 1 if problems else 0


def overlays() -> list[str]:
    """Names of the overlays."""
    return sorted(folder.name for folder in (KUBERNETES / "overlays").iterdir())


def components() -> list[str]:
    """Names of the components."""
    return sorted(folder.name for folder in (KUBERNETES / "components").iterdir())


def all_combinations() -> Iterator[Combination]:
    """Every overlay with every set of components that may be put together."""
    names = components()
    sets = chain.from_iterable(combinations(names, count) for count in range(len(names) + 1))
    allowed = [chosen for chosen in sets if not set(chosen) >= _RIVALS and (_FILLED in chosen or _FILLS not in chosen)]
    return (Combination(overlay, chosen) for overlay in overlays() for chosen in allowed)


def render(combination: Combination, out: Path, more: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """The objects of a combination, also written to `out`.

    Args:
        combination: What is put together.
        out: Gets a folder for it.
        more: What an operator's own kustomization says besides.

    Raises:
        RuntimeError: kubectl refused it.
    """
    folder = out / combination.name
    folder.mkdir(parents=True, exist_ok=True)
    up = os.path.relpath(KUBERNETES, folder.resolve())
    content = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": [f"{up}/overlays/{combination.overlay}"],
        "components": [f"{up}/components/{name}" for name in combination.components],
        **(more or {}),
    }
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    done = subprocess.run(["kubectl", "kustomize", str(folder)], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{combination.name}: {done.stderr.strip()}")
    (folder / "rendered.yaml").write_text(done.stdout, encoding="utf-8")
    return list(yaml.load_all(done.stdout, Loader=yaml.CSafeLoader))


def newest_versions() -> Sequence[str]:
    """The newest minor versions of Kubernetes that kubernetes-validate knows, oldest first."""
    known = dict.fromkeys(version.rpartition(".")[0] for version in kubernetes_validate.utils.all_versions())
    return list(known)[-VERSIONS:]


def validate(manifest: dict[str, Any], versions: Sequence[str] | None = None) -> list[str]:
    """What is wrong with an object, in a line for each version (the newest); fields that no schema has are wrong."""
    if manifest["kind"] in CUSTOM_KINDS:
        return []
    problems = []
    for version in versions or newest_versions():
        try:
            kubernetes_validate.validate(manifest, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            place = ".".join(map(str, error.path))
            problems.append(f"{manifest['kind']} {manifest['metadata']['name']} ({version}): {place}: {error.message}")
        except kubernetes_validate.SchemaNotFoundError as error:
            problems.append(error.message)
    return problems


if __name__ == "__main__":
    sys.exit(main())
