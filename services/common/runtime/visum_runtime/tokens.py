"""Bearer tokens: which caller a token belongs to. Knows no gRPC."""

import hashlib
import hmac
import logging
import re
from pathlib import Path

from visum_runtime.files import FileState, file_states
from visum_runtime.logs import log

SCHEME = "Bearer "
"""What stands before a token in the metadata `authorization`."""
MIN_TOKEN_CHARACTERS = 20
_TOKEN = re.compile(rf"[!-~]{{{MIN_TOKEN_CHARACTERS},}}")


class Tokens:
    """The tokens of a file, each with the name of its caller; read anew when the file changes.

    A line is a name, a colon and a token: `alice:3f0c...`. Empty lines and lines that begin with # say nothing. A name
    may have several tokens, so that the next can be handed out before the last is withdrawn.

    Raises:
        OSError: The file cannot be read, or is not of that form; names the line, never what it holds.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._state: tuple[FileState, ...] = file_states(path)
        self._names = _read(path)
        self._complaint = ""

    def name_of(self, authorization: str) -> str | None:
        """Name of the caller that shows `Bearer TOKEN`; None where there is none.

        Takes equally long wherever a token differs: all are compared, by digests of one length.
        """
        self._renew()
        if not authorization.startswith(SCHEME):
            return None
        shown = _digest(authorization.removeprefix(SCHEME))
        found = None
        for digest, name in self._names.items():
            if hmac.compare_digest(digest, shown):
                found = name
        return found

    def _renew(self) -> None:
        """A file that is gone or damaged leaves the tokens as they were: half of a file must lock nobody out."""
        try:
            state = file_states(self._path)
            if state == self._state:
                return
            self._state = state
            self._names = _read(self._path)
        except OSError as error:
            self._complain(error.strerror or str(error))
        else:
            self._complaint = ""
            log("tokens read", callers=len(set(self._names.values())))

    def _complain(self, reason: str) -> None:
        """Once: this is asked at every call."""
        if reason != self._complaint:
            log("tokens kept", logging.ERROR, reason=reason)
        self._complaint = reason


def _read(path: Path) -> dict[bytes, str]:
    names: dict[bytes, str] = {}
    for number, line in enumerate(path.read_text(encoding="utf-8", errors="replace").splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        name, _, token = (part.strip() for part in line.partition(":"))
        if not name or not _TOKEN.fullmatch(token):
            rule = f"NAME:TOKEN, the token of at least {MIN_TOKEN_CHARACTERS} ASCII characters without spaces"
            raise OSError(f"token file {path.name}, line {number} is not {rule}")
        names[_digest(token)] = name
    if not names:
        raise OSError(f"token file {path.name} holds no token")
    return names


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
