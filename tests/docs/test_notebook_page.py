"""The notebook of the documents runs from top to bottom, and holds the pictures that it made."""

import nbclient
import nbformat
import pytest

from tests.docs.documents import ROOT, Newcomer

NOTEBOOK = ROOT / "docs" / "notebook.ipynb"


@pytest.fixture
def notebook() -> nbformat.NotebookNode:
    return nbformat.read(NOTEBOOK, as_version=4)


def shown(notebook: nbformat.NotebookNode) -> list[str]:
    """What each cell of code shows as HTML; empty: nothing."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return ["".join(output.get("data", {}).get("text/html", "") for output in cell.outputs) for cell in cells]


def test_the_pictures_are_in_it(notebook: nbformat.NotebookNode) -> None:
    nbformat.validate(notebook)
    assert [html.count("<img ") > 0 for html in shown(notebook)] == [False, True, True, True, False, False]


def test_it_runs_from_top_to_bottom(
    striped: Newcomer, notebook: nbformat.NotebookNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VISUM_SERVICES", striped.environment["VISUM_SERVICES"])
    before = shown(notebook)
    place = {"metadata": {"path": striped.folder}}
    nbclient.NotebookClient(notebook, timeout=250, kernel_name="python3", resources=place).execute()
    after = shown(notebook)
    assert [bool(html) for html in after] == [bool(html) for html in before]
    assert [html.count("<img ") > 0 for html in after] == [html.count("<img ") > 0 for html in before]
