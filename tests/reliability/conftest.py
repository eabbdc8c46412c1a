from collections.abc import Callable, Iterator

import pytest

from tests.client.conftest import network, pictures, services
from tests.conftest import ROOT
from tests.support.ledger import Ledger, current_commit

__all__ = ["network", "pictures", "services"]


@pytest.fixture
def repetitions(request) -> Callable[[str, int], Iterator[int]]:
    """Numbers of repetitions of a row; those of the long suite are kept, so that it can be resumed."""
    if request.node.get_closest_marker("long") is None:
        return lambda name, times: iter(range(times))
    return Ledger(ROOT / "build" / "reliability.json", ROOT / "docs" / "reliability.md", current_commit()).repetitions
