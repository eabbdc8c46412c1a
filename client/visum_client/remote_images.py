"""Images in object stores: s3:// and gs:// URIs, and whatever else fsspec reads."""

import hashlib
import importlib.util
import re
import secrets
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any, TypeVar

from visum_client.errors import InvalidInputError, NotBuiltError
from visum_client.files import TEMPORARY_SUFFIX

INSTALL_HINT = "install what reads object stores: pip install 'visum-client[cloud]'"
_URI = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_OBJECT_STORES = ("s3", "gs")
_MAGIC = re.compile(r"[*?\[]")

Answer = TypeVar("Answer")


def is_uri(text: object) -> bool:
    """True for a text as s3://bucket/folder."""
    return isinstance(text, str) and _URI.match(text) is not None


class RemotePlace:
    """A URI: a folder, a glob or a single file of an object store.

    Args:
        uri: As s3://bucket/folder/, s3://bucket/folder/*.jpg or s3://bucket/folder/image.jpg.

    Raises:
        NotBuiltError: What reads such stores is not installed.
        InvalidInputError: There is no such kind of store.
    """

    def __init__(self, uri: str) -> None:
        self.uri = uri
        self._scheme = uri.partition("://")[0].lower()
        self._files = _filesystem(self._scheme)
        self._path = uri.partition("://")[2].rstrip("/")

    def files(self) -> list[tuple[str, str]]:
        """URI and label of each file there, not of folders within; empty where there is nothing.

        Raises:
            InvalidInputError: The store cannot be reached or refuses.
        """
        if _MAGIC.search(self._path):
            return [(uri, uri) for uri in map(self._uri, self._ask(lambda: self._files.glob(self._path)))]
        if PurePosixPath(self._path).suffix and self._ask(lambda: self._files.isfile(self._path)):
            return [(self.uri, self.uri)]
        entries = self._ask(lambda: self._files.ls(self._path, detail=True))
        names = [entry["name"] for entry in entries if entry["type"] == "file"]
        folder = PurePosixPath(self._path).name
        return [(self._uri(name), f"{folder}/{PurePosixPath(name).name}") for name in names]

    def folders(self) -> list[str]:
        """Names of the folders there, sorted. Raises as `files`."""
        entries = self._ask(lambda: self._files.ls(self._path, detail=True))
        return sorted(
            PurePosixPath(entry["name"].rstrip("/")).name for entry in entries if entry["type"] == "directory"
        )

    def download(self, folder: Path) -> Path:
        """The local copy of this file; fetched unless the copy is there and the file has not changed.

        Args:
            folder: Where copies are kept; created if it does not exist.

        Raises:
            InvalidInputError: It does not exist, or the store cannot be reached or refuses.
        """
        state = self._ask(lambda: self._files.info(self._path))
        version = [str(state.get(name)) for name in ("e_tag", "ETag", "etag", "version", "last_modified", "size")]
        digest = hashlib.sha256("\n".join([self.uri, *version]).encode()).hexdigest()
        copy = folder / f"{digest}{PurePosixPath(self._path).suffix.lower()}"
        if not copy.exists():
            folder.mkdir(parents=True, exist_ok=True)
            temporary = copy.with_name(f".{copy.name}.{secrets.token_hex(8)}{TEMPORARY_SUFFIX}")
            try:
                self._ask(lambda: self._files.get_file(self._path, str(temporary)))
                temporary.replace(copy)
            finally:
                temporary.unlink(missing_ok=True)
        return copy

    def _uri(self, name: str) -> str:
        return f"{self._scheme}://{name}"

    def _ask(self, question: Callable[[], Answer]) -> Answer:
        try:
            return question()
        except Exception as error:  # each store has errors of its own
            text = next(iter(str(error).splitlines()), type(error).__name__)
            missing = isinstance(error, FileNotFoundError) or "404" in text
            raise InvalidInputError(
                f"{self.uri} {'does not exist' if missing else f'cannot be read: {type(error).__name__}'}",
                "images",
                what_to_do="" if missing else "check address, region and credentials of the store",
                cause=text,
            ) from error


def _filesystem(scheme: str) -> Any:
    if importlib.util.find_spec("fsspec") is None:
        raise NotBuiltError(f"{scheme}:// URIs cannot be read here; {INSTALL_HINT}", "images")
    import fsspec

    try:
        if scheme in _OBJECT_STORES:
            import obstore.fsspec

            obstore.fsspec.register(_OBJECT_STORES)
        return fsspec.filesystem(scheme)
    except ImportError as error:
        raise NotBuiltError(f"{scheme}:// URIs cannot be read here; {INSTALL_HINT}", "images") from error
    except ValueError as error:
        raise InvalidInputError(f"there is no kind of store {scheme}://", "images") from error
