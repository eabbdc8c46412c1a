"""Files that an operator replaces while a server runs: certificates, keys, tokens."""

from pathlib import Path

FileState = tuple[int, int, int]


def file_states(*paths: Path) -> tuple[FileState, ...]:
    """What changes whenever one of the files is written or replaced.

    Raises:
        OSError: A file is not there.
    """
    found = [path.stat() for path in paths]
    return tuple((status.st_ino, status.st_mtime_ns, status.st_size) for status in found)
