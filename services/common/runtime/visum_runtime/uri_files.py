"""Files of a folder that the operator allows, and nothing outside of it."""

import os
import stat
from collections.abc import Sequence
from pathlib import Path

from visum_runtime.errors import InvalidInput

_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW
FIELD = "image.uri"


def read_beneath(folder: Path, parts: Sequence[str], max_bytes: int) -> bytes:
    """Reads a regular file beneath a folder. Symbolic links are followed as long as they stay within.

    Args:
        folder: The folder.
        parts: Folders within it and name of the file.
        max_bytes: Largest file that is read.

    Raises:
        InvalidInput: There is no such file, it is not a regular one, is too large, or lies outside.
    """
    try:
        base = folder.resolve(strict=True)
        place = base.joinpath(*parts).resolve(strict=True)
        if not place.is_relative_to(base):
            raise InvalidInput("leads to a place that this server does not read", field=FIELD)
        with os.fdopen(_open_beneath(base, place.relative_to(base).parts), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise InvalidInput("is not a file", field=FIELD)
            data = file.read(max_bytes + 1)
    except (OSError, RuntimeError) as error:  # RuntimeError: links that go in circles
        raise InvalidInput("does not exist, or cannot be read", field=FIELD) from error
    if len(data) > max_bytes:
        raise InvalidInput(f"has more than {max_bytes} bytes", field=FIELD)
    return data


def _open_beneath(base: Path, parts: Sequence[str]) -> int:
    """Opens step by step without following links: whoever swaps a folder for a link meanwhile gains nothing."""
    folder = os.open(base, _FLAGS | os.O_DIRECTORY)
    try:
        for part in parts[:-1]:
            inner = os.open(part, _FLAGS | os.O_DIRECTORY, dir_fd=folder)
            os.close(folder)
            folder = inner
        return os.open(parts[-1] if parts else ".", _FLAGS | os.O_NONBLOCK, dir_fd=folder)
    finally:
        os.close(folder)
