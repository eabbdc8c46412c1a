from collections.abc import Callable, Iterator

import pytest

from tests.client.conftest import network, pictures, services
from tests.conftest import ROOT
from tests.support.ledger import Ledger, current_commit
from visum_client import LocalSettings
from visum_client.local import MODULES, LocalServices

__all__ = ["network", "pictures", "services"]


class DeadlyServices(LocalServices):
    """A mask service of its own, in a process that images can kill; the others are somebody else's."""

    def __init__(self, others: dict[str, int], *flags: str) -> None:
        beyond = f"--beyond={others['mask']}"
        super().__init__(LocalSettings(threads=2, flags=(beyond, *flags)))
        self._others = others

    async def address(self, service: str) -> str:
        return await super().address(service) if service == "mask" else f"127.0.0.1:{self._others[service]}"

    def mask_port(self) -> int:
        """Port of the mask service; 0 before it was ready."""
        return self._servers["mask"].port if "mask" in self._servers else 0


@pytest.fixture
def backend(services, monkeypatch) -> Callable[..., DeadlyServices]:
    """Makes a backend with a deadly mask service."""
    monkeypatch.setitem(MODULES, "mask", "tests.support.deadly_mask")
    monkeypatch.chdir(ROOT)
    others = {name: server.port for name, server in services.servers.items()}
    return lambda *flags: DeadlyServices(others, *flags)


@pytest.fixture
def repetitions(request) -> Callable[[str, int], Iterator[int]]:
    """Numbers of repetitions of a row; those of the long suite are kept, so that it can be resumed."""
    if request.node.get_closest_marker("long") is None:
        return lambda name, times: iter(range(times))
    return Ledger(ROOT / "build" / "reliability.json", ROOT / "docs" / "reliability.md", current_commit()).repetitions
