import functools
import shutil
from collections.abc import Callable

import pytest

from deploy.manifests import Combination, components, render
from tests.conftest import required
from tests.deploy.objects import Objects

FULL = Combination("cpu", tuple(name for name in components() if name != "keda"))
WITH_KEDA = Combination("gpu", tuple(name for name in components() if name != "autoscaling"))
PLAIN = Combination("gpu")


@pytest.fixture(scope="session")
def rendered(tmp_path_factory) -> Callable[[Combination], Objects]:
    """Renders a combination; each once."""
    if shutil.which("kubectl") is None and not required("kubectl"):
        pytest.skip("kubectl is not installed")
    return functools.cache(lambda combination: Objects(render(combination, tmp_path_factory.mktemp("manifests"))))


@pytest.fixture(params=[PLAIN, FULL, WITH_KEDA], ids=["plain", "full", "keda"])
def objects(request, rendered) -> Objects:
    """What is applied to a cluster: an overlay alone, and each with all components that go together."""
    return rendered(request.param)


@pytest.fixture(scope="session")
def full(rendered) -> Objects:
    """An overlay with all components but KEDA."""
    return rendered(FULL)


@pytest.fixture(scope="session")
def with_keda(rendered) -> Objects:
    """The other overlay with all components but the autoscaling without KEDA."""
    return rendered(WITH_KEDA)
