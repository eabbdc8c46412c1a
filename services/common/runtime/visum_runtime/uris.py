"""URIs that the operator allows: read strictly, compared part by part."""

import os
import re
from dataclasses import dataclass
from typing import Self
from urllib.parse import SplitResult, unquote_to_bytes, urlsplit

SCHEMES = ("file", "https")
MAX_URI_CHARACTERS = 4096
_HTTPS_PORT = 443
_CHARACTERS = re.compile(r"[A-Za-z0-9\-._~:/?\[\]!$&'()*+,;=%]*")
"""Those of RFC 3986, without @ (users) and # (fragments); parsers disagree on all others."""
_ESCAPES = re.compile(r"%(?![0-9A-Fa-f]{2})|%(?:2[FfEe]|5[Cc]|[01][0-9A-Fa-f]|7[Ff])|%25[0-9A-Fa-f]{2}")
"""Damaged escapes, those of / . \\ and control characters, and escapes of escapes: they make paths look like others."""


@dataclass(frozen=True)
class Uri:
    """A URI taken apart; as a prefix, all that lies beneath it."""

    scheme: str
    """One of SCHEMES."""
    host: str
    """In lower case; empty for files."""
    port: int
    """Port of the host; 0 for files."""
    parts: tuple[str, ...]
    """Folders and name, decoded."""
    target: str
    """Path and query as they are sent."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Takes a URI apart.

        Raises:
            ValueError: It is no URI of a scheme that is known here, or is written in a way that could mean two things.
        """
        if len(text) > MAX_URI_CHARACTERS:
            raise ValueError(f"is longer than {MAX_URI_CHARACTERS} characters")
        if not _CHARACTERS.fullmatch(text):
            raise ValueError("has characters that are not read here: users, fragments and all that must be encoded")
        try:
            split = urlsplit(text)
            port = split.port
        except ValueError as error:
            raise ValueError("is not a URI") from error
        if split.scheme not in SCHEMES:
            raise ValueError(f"is not of the form {' or '.join(f'{scheme}://' for scheme in SCHEMES)}")
        parts = _parts(split.path)
        if split.scheme == "file":
            _check_file(split)
            return cls("file", "", 0, parts, split.path)
        if not split.hostname:
            raise ValueError("names no host")
        target = (split.path or "/") + (f"?{split.query}" if split.query else "")
        return cls("https", split.hostname, _HTTPS_PORT if port is None else port, parts, target)

    def holds(self, other: "Uri") -> bool:
        """True where another URI lies beneath this prefix."""
        same_place = (self.scheme, self.host, self.port) == (other.scheme, other.host, other.port)
        return same_place and self.parts == other.parts[: len(self.parts)]


def parse_prefixes(text: str) -> tuple[Uri, ...]:
    """Reads prefixes that are separated by commas.

    Raises:
        ValueError: One is not a prefix, or would allow all files; names it.
    """
    prefixes = []
    for entry in filter(None, map(str.strip, text.split(","))):
        try:
            prefix = Uri.parse(entry)
        except ValueError as error:
            raise ValueError(f"{entry!r} {error}") from error
        if "?" in prefix.target:
            raise ValueError(f"{entry!r} has a query")
        if prefix.scheme == "file" and not prefix.parts:
            raise ValueError(f"{entry!r} would allow all files; name a folder")
        prefixes.append(prefix)
    return tuple(prefixes)


def _parts(path: str) -> tuple[str, ...]:
    if _ESCAPES.search(path):
        raise ValueError("has an encoded separator, dot, percent sign or control character, or a damaged escape")
    parts = path.removeprefix("/").removesuffix("/").split("/") if path.strip("/") else []
    if any(part.split(";")[0] in ("", ".", "..") for part in parts):
        raise ValueError("has a part that is empty, '.' or '..'")
    return tuple(os.fsdecode(unquote_to_bytes(part)) for part in parts)


def _check_file(split: SplitResult) -> None:
    if split.netloc not in ("", "localhost"):
        raise ValueError("names a host")
    if "?" in split.geturl() or not split.path.startswith("/"):
        raise ValueError("is not the absolute path of a file")
