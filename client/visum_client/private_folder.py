"""A temporary folder that goes with its process; what killed processes left is removed by the next."""

import contextlib
import fcntl
import shutil
import tempfile
import weakref
from pathlib import Path

_PREFIX = "visum-"
_LOCK = "in-use"
_UNLOCKED = "in-use.new"


class PrivateFolder:
    """A folder of this user alone, until `close`."""

    def __init__(self) -> None:
        _remove_abandoned(Path(tempfile.gettempdir()))
        self.path = Path(tempfile.mkdtemp(prefix=_PREFIX))
        self._lock = (self.path / _UNLOCKED).open("wb")
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        # Renamed once it is locked: nobody ever sees a lock that its owner does not hold yet.
        (self.path / _UNLOCKED).rename(self.path / _LOCK)
        self._remove = weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)

    def close(self) -> None:
        """Removes the folder, as the end of the process does, too."""
        self._remove()
        self._lock.close()


def _remove_abandoned(parent: Path) -> None:
    """Removes the folders whose processes are gone: nobody holds their locks."""
    for lock in parent.glob(f"{_PREFIX}*/{_LOCK}"):
        with contextlib.suppress(OSError), lock.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(lock.parent, ignore_errors=True)
