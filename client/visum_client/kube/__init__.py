"""Class runs as Jobs of a Kubernetes cluster, and services that scale. Needs the extra `visum-client[kubernetes]`."""

import importlib
from typing import Any

from visum_client.errors import VisumError


def load(name: str) -> Any:
    """A module of this package. Raises VisumError where the packages of the extra are not installed."""
    try:
        return importlib.import_module(f"{__name__}.{name}")
    except ModuleNotFoundError as error:
        hint = "install what it needs: pip install 'visum-client[kubernetes]'"
        raise VisumError(f"Kubernetes cannot be used without the package {error.name}; {hint}") from error
