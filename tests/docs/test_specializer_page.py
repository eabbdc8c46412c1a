"""What the page of specialized classifiers shows first works on small runs of two classes."""

from pathlib import Path

import pytest

from tests.docs.documents import ROOT, blocks
from tests.docs.test_pages import commands
from tests.support.class_runs import draw_images, write_network, write_run
from tests.support.servers import running
from visum_client.cli import main
from visum_specializer.server import SpecializerSettings, build

_COMMAND, _PROGRAM = blocks(ROOT / "docs" / "specializer.md")[:2]


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what the page starts from; its runs have no masks, so that their reports cannot be drawn."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("visum_client.specialization.specialize.write_report", lambda path: path)
    network = write_network(tmp_path)
    train = draw_images(tmp_path / "train", 0)
    draw_images(tmp_path / "validation", 100)
    for run, name in (("dogs", "red"), ("cats", "green")):
        write_run(tmp_path / "runs" / run, network, name, [sorted((train / name).iterdir())])
    return tmp_path


def test_what_the_page_says_works(
    reader: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = SpecializerSettings(port=0, model_dir=str(reader), trust_model_dir=True, device="cpu")
    with running(build(settings), settings) as server:
        monkeypatch.setenv("VISUM_SERVICES", f"specializer=127.0.0.1:{server.port}")
        (words,) = commands(_COMMAND.text)
        assert main(words) == 0
        written = (reader / "specialized.pt2").read_bytes()
        exec(compile(_PROGRAM.text, "specializer.md", "exec"), {})
    assert written == (reader / "specialized.pt2").read_bytes() != b""
    assert len(capsys.readouterr().out.splitlines()[-1].split()) == 4
