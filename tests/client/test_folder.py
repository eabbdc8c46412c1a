"""The run folder: who may write, what is removed, what differs."""

import json
import subprocess
import sys

import pytest

from visum_client.configuration import check_same
from visum_client.errors import RunFolderError
from visum_client.files import write_atomically, write_json
from visum_client.folder import RunFolder

DIGEST = "0a" * 32


def fill(folder: RunFolder) -> None:
    """Puts there what a run leaves, and three files of somebody else."""
    folder.path.mkdir(exist_ok=True)
    folder.prepare(overwrite=False)
    folder.run.write_text('{"format": 1}')
    ours = [folder.images, folder.report, folder.view(DIGEST), folder.mask(DIGEST), folder.mask(DIGEST, "regions")]
    result = folder.work / "ExtractMask" / "0a" / f"{DIGEST}.pb"
    result.parent.mkdir(parents=True)
    leftover = folder.path / f".run.json.{'0' * 16}.tmp"
    for path in [*ours, result, leftover]:
        path.write_bytes(b"ours")
    for path in (folder.path / "notes.txt", folder.path / "views" / "mine.jpg", folder.work / "mine.pb"):
        path.write_bytes(b"theirs")


def names(folder: RunFolder) -> list[str]:
    return sorted(path.relative_to(folder.path).as_posix() for path in folder.path.rglob("*") if path.is_file())


def test_overwriting_removes_what_visum_made_and_nothing_else(tmp_path):
    folder = RunFolder(tmp_path / "run")
    fill(folder)
    folder.prepare(overwrite=True)
    assert names(folder) == ["notes.txt", "views/mine.jpg", "work/mine.pb"]


def test_the_work_of_a_run_is_removed_without_the_rest(tmp_path):
    folder = RunFolder(tmp_path / "run")
    fill(folder)
    (folder.work / "mine.pb").unlink()
    before = names(folder)
    folder.remove_work()
    assert names(folder) == [name for name in before if not name.startswith("work/")]
    assert not folder.work.exists()


def test_a_folder_of_somebody_else_is_refused(tmp_path):
    (tmp_path / "thesis.tex").write_text("x")
    with pytest.raises(RunFolderError, match=r"thesis\.tex"):
        RunFolder(tmp_path).prepare(overwrite=False)


def test_a_run_that_was_killed_before_its_first_file_can_start_again(tmp_path):
    folder = RunFolder(tmp_path)
    folder.prepare(overwrite=False)
    (tmp_path / f".run.json.{'0' * 16}.tmp").write_bytes(b"{")
    folder.prepare(overwrite=False)
    assert folder.work.is_dir()


def test_two_runs_cannot_hold_one_folder(tmp_path):
    folder = RunFolder(tmp_path / "run")
    with folder.lock():
        with pytest.raises(RunFolderError, match="in use"), RunFolder(folder.path).lock():
            pass
        script = (
            "import sys; from pathlib import Path; from visum_client.folder import RunFolder\n"
            "with RunFolder(Path(sys.argv[1])).lock(): pass"
        )
        other = subprocess.run([sys.executable, "-c", script, folder.path], capture_output=True, text=True, check=False)
        assert "RunFolderError" in other.stderr
    with folder.lock():
        pass
    assert list(folder.path.iterdir()) == []


def test_the_lock_of_a_dead_process_holds_nobody_back(tmp_path):
    lock = tmp_path / "run.lock"
    lock.write_bytes(b"")
    with RunFolder(tmp_path).lock():
        assert lock.exists()
    assert not lock.exists()


@pytest.mark.parametrize(("content", "message"), [("{", "damaged"), ('{"format": 2}', "format 1"), ("[]", "format 1")])
def test_a_damaged_or_foreign_run_json_is_an_error(tmp_path, content, message):
    (tmp_path / "run.json").write_text(content)
    with pytest.raises(RunFolderError, match=message):
        RunFolder(tmp_path).read_run()


def test_a_file_that_could_not_be_written_leaves_the_old_one(tmp_path):
    path = tmp_path / "run.json"
    write_json(path, {"old": 1})

    def fail(file):
        file.write(b"half")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, fail)
    assert json.loads(path.read_text()) == {"old": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_equal_configurations_pass():
    check_same({"mask": {"mode": "crisp", "grid": None}}, {"mask": {"mode": "crisp"}}, "runs/x")


def test_every_difference_is_named_with_both_values():
    before = {"model": {"name": "resnet50"}, "mask": {"grid": None, "mode": "crisp"}, "images": {"count": 24}}
    now = {"model": {"name": "vgg16"}, "mask": {"grid": 14, "mode": "crisp"}, "images": {"count": 24}}
    with pytest.raises(RunFolderError) as caught:
        check_same(before, now, "runs/x")
    assert 'model.name: "resnet50" there, "vgg16" asked for' in str(caught.value)
    assert "mask.grid: nothing there, 14 asked for" in str(caught.value)
    assert "mask.mode" not in str(caught.value)
    assert "count" not in str(caught.value)
