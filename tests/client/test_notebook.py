"""What a notebook shows, and bars that only people see."""

import pickle
import re
import subprocess
import sys
from pathlib import Path

import nbclient
import nbformat
import pytest

from tests.report.drawn_runs import HOSTILE_NAMES, World, edit_json, write_run_folder
from visum_client import Run, RunFolderError, VisumError
from visum_client.notebook_bars import bars_html
from visum_client.progress import Progress

PICTURES = re.compile(r'<img alt="[^"]*" title="[^"]*" width="\d+" height="\d+"')


@pytest.fixture
def run(tmp_path: Path) -> Run:
    return Run.load(write_run_folder(tmp_path / "run", World()))


def test_a_run_shows_a_row_of_pictures_a_summary(run):
    html = run._repr_html_()
    assert "3 summaries" in html
    assert len(PICTURES.findall(html)) == 3 * 6


def test_a_summary_shows_all_of_its_members_and_its_figures(run):
    html = run.summaries[0]._repr_html_()
    assert len(PICTURES.findall(html)) == len(run.summaries[0].members) == 8
    assert "8\u00a0images" in html


def test_a_mask_shows_its_image(run):
    html = run.images[0].mask._repr_html_()
    assert len(PICTURES.findall(html)) == 1
    assert "of the image" in html


def test_names_stay_text(run):
    edit_json(run.folder.summaries, lambda content: content["summaries"][0]["members"][0].update(path=HOSTILE_NAMES[1]))
    html = Run.load(run.path).summaries[0]._repr_html_()
    assert 'title="&quot;onload=&quot;' in html
    assert "onload=" not in re.sub(r'title="[^"]*"|alt="[^"]*"', "", html)


def test_records_without_a_folder_leave_it_to_their_repr(run):
    summary = pickle.loads(pickle.dumps(run.summaries[0]))
    assert summary == run.summaries[0]
    assert len(PICTURES.findall(summary._repr_html_())) == 8
    assert (
        type(summary)(**{name: getattr(summary, name) for name in summary.__dataclass_fields__})._repr_html_() is None
    )


def test_missing_pictures_are_named_and_digests_cannot_lead_out_of_the_folder(run):
    run.folder.view(run.summaries[0].members[0].image).unlink()
    assert len(PICTURES.findall(run.summaries[0]._repr_html_())) == 7
    with pytest.raises(RunFolderError, match="64 hexadecimal"):
        run.folder.view("../../etc/passwd")
    with pytest.raises(RunFolderError, match="64 hexadecimal"):
        run.folder.mask("../secret", "regions")


def test_a_run_as_a_table_has_a_row_a_member(run):
    table = run.to_dataframe()
    assert len(table) == sum(len(summary.members) for summary in run.summaries)
    first = table[(table["summary"] == "S1") & (table["rank"] == 0)].iloc[0]
    assert first["image"] == run.summaries[0].exemplar.image
    assert tuple(first[["x0", "y0", "x1", "y1"]]) == run.summaries[0].exemplar.box
    assert table.groupby("summary")["drop"].mean()["S1"] == pytest.approx(run.summaries[0].drop)


def test_without_pandas_the_table_says_what_to_install(run, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(VisumError, match="pip install pandas"):
        run.to_dataframe()


def test_bars_are_silent_where_nobody_watches(capfd):
    progress = Progress(stages=("members",))
    with progress.stage("members", 2):
        progress.advance("members")
        progress.tell("members", "half")
        progress.drop("members")
    assert capfd.readouterr() == ("", "")
    assert progress.to_json()["members"]["done"] == progress.to_json()["members"]["total"] == 1


def test_bars_that_are_asked_for_are_drawn_on_standard_error(capfd):
    progress = Progress(True, ("members",))
    with progress.stage("members", 2):
        progress.advance("members")
        progress.advance("members")
    printed = capfd.readouterr()
    assert printed.out == ""
    assert "members" in printed.err
    assert "2/2" in printed.err


def test_a_bar_says_its_name_and_lets_nothing_through():
    html = bars_html({"masks": (3, 7, "<b>half</b>"), "report": (0, 0, "")})
    assert '<progress value="3" max="7" aria-label="masks">' in html
    assert "3 of 7" in html
    assert "&lt;b&gt;half" in html
    assert '<progress value="0" max="1"' in html


def test_without_a_notebook_ipython_is_not_loaded():
    program = """
import sys
from visum_client.notebook_bars import in_notebook

print(in_notebook(), "IPython" in sys.modules)
"""
    assert subprocess.check_output([sys.executable, "-c", program], text=True) == "False False\n"


def test_a_notebook_shows_runs_and_bars(run):
    """In a real kernel, bars drawn from another thread as the client does."""
    work = "p = Progress(None, ('members',))\nwith p.stage('members', 1): p.advance('members')"
    cells = [
        f"from visum_client import Run\nRun.load({str(run.path)!r})",
        f"from threading import Thread\nfrom visum_client.progress import Progress\n"
        f"def work():\n    exec({work!r}, globals())\nt = Thread(target=work)\nt.start()\nt.join()",
    ]
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    nbclient.NotebookClient(notebook, timeout=60, kernel_name="python3").execute()
    shown = [output["data"]["text/html"] for cell in notebook.cells for output in cell.outputs]
    assert len(shown) == 2
    assert "3 summaries" in shown[0]
    assert "1 of 1" in shown[1]
