"""Files that are either whole or not there."""

import hashlib
import json
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

TEMPORARY_SUFFIX = ".tmp"
"""Ends the name of a file that is being written."""
_READ_BYTES = 1 << 20


def write_atomically(path: Path, data: bytes | Callable[[BinaryIO], None], *, durable: bool = True) -> None:
    """Writes a file by a temporary one beside it, so that nobody ever sees half of it.

    Args:
        path: The file; its folder must exist.
        data: Its content, or a function that writes it.
        durable: Wait until it is on the disk, so that it survives a power failure.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(8)}{TEMPORARY_SUFFIX}")
    try:
        with temporary.open("xb") as file:
            if callable(data):
                data(file)
            else:
                file.write(data)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def write_if_changed(path: Path, data: bytes) -> None:
    """Writes a file unless it has this content already."""
    try:
        if path.read_bytes() == data:
            return
    except OSError:
        pass
    write_atomically(path, data, durable=False)


def write_json(path: Path, content: Any) -> None:
    """Writes a JSON file: UTF-8, indented by 2. Raises ValueError where a number is not finite."""
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    write_atomically(path, text.encode("utf-8") + b"\n")


def file_digest(path: Path) -> str:
    """SHA-256 of a file, hexadecimal. Raises OSError where it cannot be read."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_READ_BYTES):
            digest.update(block)
    return digest.hexdigest()
