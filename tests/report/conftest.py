"""A drawn run, and a browser to look at its report."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import required
from tests.report.drawn_runs import World, write_run_folder

CHROMIUM = Path("/usr/bin/chromium")
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]


@pytest.fixture
def run_folder(tmp_path: Path) -> Path:
    """A finished run with hostile names."""
    return write_run_folder(tmp_path / "run", World())


# Not of session scope: while playwright is open, no other event loop can run in this thread.
@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium; skips where it or playwright is missing, unless VISUM_REQUIRE lists `browser`."""
    try:
        from playwright.sync_api import sync_playwright
    except ImportError:
        _missing("playwright is not installed")
    if not CHROMIUM.exists():
        _missing(f"there is no {CHROMIUM}")
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=str(CHROMIUM), args=CHROMIUM_FLAGS)
        yield chromium
        chromium.close()


def _missing(what: str) -> None:
    message = f"browser tests need Chromium and playwright: {what}"
    if required("browser"):
        pytest.fail(message)
    pytest.skip(message)
