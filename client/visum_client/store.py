"""Results of pure calls, kept as files under the digest of all that they depend on."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from google.protobuf import message
from visum.v1 import info_pb2

from visum_client.errors import RunFolderError
from visum_client.files import write_atomically
from visum_client.methods import DESCRIBE, EMBED, EXTRACT_MASK, MATCH, Method, Request, Response

SHARED_METHODS = frozenset({EXTRACT_MASK.name, DESCRIBE.name, EMBED.name})
"""Calls whose results are of use to other runs."""
READ_ONCE = frozenset({MATCH.name})
"""Calls whose results grow with the pairs of images, and are read once, as they come: they are not kept in memory."""
_MAGIC = b"visum result 1\n"
_DIGEST_BYTES = 32


Response_co = TypeVar("Response_co", bound=message.Message, covariant=True)


class Kept(Protocol[Response_co]):
    """A result that is kept somewhere."""

    def load(self) -> Response_co:
        """The result. Raises RunFolderError where it was removed or damaged meanwhile."""


class Keeper(Protocol):
    """Where results are kept."""

    def place(self, method: Method[Any, Response], key: str) -> Kept[Response]:
        """Where the result of a call lies, once it was put there."""

    def find(self, method: Method[Any, Response], key: str) -> Response | None:
        """The result of a call; None where it is not there or damaged."""

    def put(self, method: Method[Any, Response], key: str, response: Response) -> None:
        """Keeps the result of a call."""

    def find_message(self, name: str, key: str, kind: type[Response]) -> Response | None:
        """As `find`, for results that are not the answer of a single call."""

    def put_message(self, name: str, key: str, response: message.Message) -> None:
        """As `put`, for results that are not the answer of a single call."""


@dataclass(frozen=True)
class InMemory(Generic[Response]):
    """A result that lies in memory."""

    response: Response

    def load(self) -> Response:
        """It."""
        return self.response


class MemoryStore:
    """Keeps responses in memory, and finds those of a run's folder, which it leaves as it is.

    Args:
        beneath: Where to look for what is not in memory; None: nowhere.
    """

    def __init__(self, beneath: Keeper | None = None) -> None:
        self._beneath = beneath
        self._messages: dict[tuple[str, str], message.Message] = {}

    def place(self, method: Method[Any, Response], key: str) -> Kept[Response]:
        """Where the result of a call lies, once it was put there or found."""
        found: Any = self._messages.get((method.name, key))
        if found is None and self._beneath is not None:
            return self._beneath.place(method, key)
        return InMemory(found)

    def find(self, method: Method[Any, Response], key: str) -> Response | None:
        """The result of a call; None where it is not there."""
        found: Any = self._messages.get((method.name, key))
        return self._beneath.find(method, key) if found is None and self._beneath is not None else found

    def put(self, method: Method[Any, Response], key: str, response: Response) -> None:
        """Keeps the result of a call, unless it is of those that are read once."""
        if method.name not in READ_ONCE:
            self._messages[method.name, key] = response

    def find_message(self, name: str, key: str, kind: type[Response]) -> Response | None:
        """As `find`, for results that are not the answer of a single call."""
        found: Any = self._messages.get((name, key))
        return self._beneath.find_message(name, key, kind) if found is None and self._beneath is not None else found

    def put_message(self, name: str, key: str, response: message.Message) -> None:
        """As `put`, for results that are not the answer of a single call."""
        self._messages[name, key] = response


@dataclass(frozen=True)
class Stored(Generic[Response]):
    """A result that lies in the store."""

    path: Path
    response: type[Response]

    def load(self) -> Response:
        """Reads it.

        Raises:
            RunFolderError: It was removed or damaged since it was stored.
        """
        if (found := _read(self.path, self.response)) is None:
            raise RunFolderError(f"{self.path} was removed or damaged meanwhile; the same command computes it again")
        return found


class Store:
    """Keeps responses as `<folder>/<call>/<key[:2]>/<key>.pb`. Several processes may share a folder.

    Args:
        work: Folder of one run.
        cache: Folder that runs share, for the calls of `SHARED_METHODS`; None: all go to `work`.
    """

    def __init__(self, work: Path, cache: Path | None = None) -> None:
        self._work = work
        self._cache = cache

    def place(self, method: Method[Any, Response], key: str) -> Stored[Response]:
        """Where the result of a call lies, or would lie."""
        return self._stored(method.name, key, method.response)

    def find(self, method: Method[Any, Response], key: str) -> Response | None:
        """The result of a call; None where it is not there or damaged."""
        return _read(self.place(method, key).path, method.response)

    def put(self, method: Method[Any, Response], key: str, response: Response) -> None:
        """Keeps the result of a call."""
        self._write(self.place(method, key), response)

    def find_message(self, name: str, key: str, kind: type[Response]) -> Response | None:
        """As `find`, for results that are not the answer of a single call."""
        return _read(self._stored(name, key, kind).path, kind)

    def put_message(self, name: str, key: str, response: message.Message) -> None:
        """As `put`, for results that are not the answer of a single call."""
        self._write(self._stored(name, key, type(response)), response)

    def _stored(self, name: str, key: str, response: type[Response]) -> Stored[Response]:
        folder = self._cache if self._cache and name in SHARED_METHODS else self._work
        return Stored(folder / name / key[:2] / f"{key}.pb", response)

    def _write(self, stored: Stored[Any], response: message.Message) -> None:
        content = response.SerializeToString()
        stored.path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(stored.path, _MAGIC + hashlib.sha256(content).digest() + content, durable=False)


def request_key(
    method: Method[Request, Any],
    info: info_pb2.GetServerInfoResponse,
    requests: Iterable[Request],
    network: message.Message | None = None,
) -> str:
    """Digest of all that the result of a pure call depends on, hexadecimal.

    Args:
        method: The call.
        info: What the server said of itself: its algorithm version and device class count.
        requests: Its message, or the messages of its stream, each taken when the one before is done with; images by
            their sha256, without their data.
        network: Where one answers, its card or the part of it that decides the answer: the digest of its weights, which
            the message has, does not say how images become its input, nor how its classes are called.
    """
    digest = hashlib.sha256()
    for text in (method.path, info.algorithm_version, info.device):
        _add(digest, text.encode())
    for request in requests:
        _add(digest, request.SerializeToString(deterministic=True))
    if network is not None:
        _add(digest, network.SerializeToString(deterministic=True))
    return digest.hexdigest()


def _add(digest: Any, part: bytes) -> None:
    digest.update(len(part).to_bytes(8, "little"))
    digest.update(part)


def _read(path: Path, kind: type[Response]) -> Response | None:
    try:
        data = path.read_bytes()
    except OSError:
        return None
    start = len(_MAGIC) + _DIGEST_BYTES
    content = data[start:]
    if data[: len(_MAGIC)] != _MAGIC or data[len(_MAGIC) : start] != hashlib.sha256(content).digest():
        return None
    return kind.FromString(content)
