import io
import logging
from collections.abc import Iterator

import pytest

from visum_runtime.logs import start_logging


@pytest.fixture
def logged() -> Iterator[io.StringIO]:
    """What a server logs."""
    logger = logging.getLogger("visum")
    before = logger.handlers, logger.level, logger.propagate
    stream = io.StringIO()
    start_logging("debug", stream)
    yield stream
    logger.handlers, logger.level, logger.propagate = before
