"""The run folder: what lies where, who may write, what may be removed."""

import contextlib
import fcntl
import json
import os
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from visum_client.errors import RunFolderError
from visum_client.files import write_json

FORMAT = 1
"""Version of the run folder's format."""
_LOCK = "run.lock"
_FILE = r"(?:run\.json|images\.json|summaries\.json|specialization\.json|parts\.npz|report\.html)"
_VIEW = r"views/[0-9a-f]{64}\.jpg"
_MASK = r"masks/[0-9a-f]{64}(?:\.raw|\.regions)?\.png"
_RESULT = r"work/[A-Za-z]+/[0-9a-f]{2}/[0-9a-f]{64}\.pb"
_OURS = re.compile(f"(?:{_FILE}|{_VIEW}|{_MASK}|{_RESULT})")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_TEMPORARY = re.compile(r"\.(?P<name>[^/]+)\.[0-9a-f]{16}\.tmp")


class RunFolder:
    """Names the files of a run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.run = path / "run.json"
        self.images = path / "images.json"
        self.summaries = path / "summaries.json"
        self.specialization = path / "specialization.json"
        self.parts = path / "parts.npz"
        self.report = path / "report.html"
        self.work = path / "work"

    def view(self, digest: str) -> Path:
        """The view of an image. Raises RunFolderError where `digest` is none."""
        return self.path / "views" / f"{_checked(digest)}.jpg"

    def mask(self, digest: str, kind: str = "") -> Path:
        """The mask of an image: binary, or of kind raw or regions. Raises RunFolderError where `digest` is none."""
        return self.path / "masks" / (f"{_checked(digest)}.{kind}.png" if kind else f"{_checked(digest)}.png")

    def read_run(self) -> dict[str, Any] | None:
        """The content of run.json; None where there is none.

        Raises:
            RunFolderError: It is damaged or of another format.
        """
        if not self.run.exists():
            return None
        content = read_json(self.run)
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise RunFolderError(f"{self.run} is not of format {FORMAT}, which this version of visum reads")
        return content

    def prepare(self, *, overwrite: bool) -> None:
        """Makes the folder ready: creates it, or empties it of what visum made, where `overwrite` asks for it.

        Raises:
            RunFolderError: It is no run folder, but has files of others.
        """
        was_run = self.run.exists()
        if overwrite and was_run:
            remove_files(self.path)
        foreign = sorted(entry.name for entry in self.path.iterdir() if entry.name != _LOCK)
        if foreign and not was_run and not _only_leftovers(foreign):
            raise RunFolderError(f"{self.path} is not empty and not a run folder (it has {foreign[0]}); choose another")
        for name in ("views", "masks", "work"):
            (self.path / name).mkdir(exist_ok=True)

    def remove_work(self) -> None:
        """Removes what only an unfinished run needs."""
        remove_files(self.path, inside="work")

    @contextlib.contextmanager
    def lock(self) -> Iterator[None]:
        """Holds the folder for this process alone; created if it does not exist.

        Raises:
            RunFolderError: Another process holds it, or it cannot be created.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise RunFolderError(f"{self.path} cannot be created: {error.strerror}") from error
        file = _locked(self.path / _LOCK)
        try:
            yield
        finally:
            (self.path / _LOCK).unlink(missing_ok=True)
            file.close()


def read_json(path: Path) -> Any:
    """The content of a JSON file of a run. Raises RunFolderError where it is missing or damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RunFolderError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise RunFolderError(f"{path} is damaged: {error}") from error


def remove_files(folder: Path, inside: str = "") -> None:
    """Removes the files of a run folder that visum made, and the folders that are empty then; nothing else."""
    for root, _, names in os.walk(folder / inside, topdown=False):
        for name in names:
            path = Path(root) / name
            if _is_ours(path.relative_to(folder)):
                path.unlink(missing_ok=True)
        if Path(root) != folder:
            with contextlib.suppress(OSError):  # holds a file of somebody else
                Path(root).rmdir()


def now() -> str:
    """The time, ISO 8601 in UTC, seconds."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def write_records(path: Path, **content: Any) -> None:
    """Writes a JSON file of a run, with the format's version first."""
    write_json(path, {"format": FORMAT, **content})


def _checked(digest: str) -> str:
    """A digest becomes a file name, and a run folder may come from anybody."""
    if not _DIGEST.fullmatch(digest):
        raise RunFolderError(f"{digest!r} is not 64 hexadecimal digits")
    return digest


def _is_ours(path: Path) -> bool:
    temporary = _TEMPORARY.fullmatch(path.name)
    name = temporary["name"] if temporary else path.name
    return _OURS.fullmatch((path.parent / name).as_posix()) is not None


def _only_leftovers(names: list[str]) -> bool:
    """True where a run was interrupted before it wrote its first file."""
    return all(name in ("views", "masks", "work") or (_is_ours(Path(name)) and name.startswith(".")) for name in names)


def _locked(path: Path) -> IO[bytes]:
    while True:
        file = path.open("ab")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.close()
            in_use = isinstance(error, BlockingIOError)
            why = "is in use by another run; wait for it, or choose another folder" if in_use else "cannot be locked"
            raise RunFolderError(f"{path.parent} {why}") from error
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(file.fileno()), path.stat()):
                return file
        file.close()  # its last holder removed it between our opening and locking it
