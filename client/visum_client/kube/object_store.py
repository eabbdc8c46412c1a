"""Folders in an object store, through fsspec: s3://, gs://, or file://."""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import fsspec

from visum_client.errors import InvalidInputError, VisumError

RECORD = "run.json"
"""Written last: where it says that a run is complete, all of the run is there."""
_CLOUDS = ("s3", "gs")
_LOCK = "run.lock"


def download_folder(uri: str, folder: Path) -> int:
    """Copies all files under a URI into a folder; returns how many. Raises VisumError where the store refuses."""
    with _opened(uri) as (store, root):
        names = _names(store, root)
        for name in names:
            target = _inside(folder, name)
            target.parent.mkdir(parents=True, exist_ok=True)
            store.get_file(f"{root}/{name}", str(target))
        return len(names)


def download_images(uri: str, folder: Path) -> int:
    """Copies the files of a folder, or those that a glob matches, into a folder; returns how many.

    Files of one name from several folders are kept apart by a number.

    Raises:
        VisumError: The store refuses.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _opened(uri) as (store, root):
        found = store.glob(root) if any(sign in root for sign in "*?[") else store.find(root, maxdepth=1)
        names: set[str] = set()
        for path in sorted(found):
            name = path.rpartition("/")[2]
            name = name if name not in names else f"{len(names)}-{name}"
            names.add(name)
            store.get_file(path, str(_inside(folder, name)))
        return len(names)


def upload_folder(folder: Path, uri: str) -> None:
    """Makes a URI hold exactly the files of a run folder, its record last.

    Raises:
        VisumError: The store refuses.
    """
    paths = [path for path in folder.rglob("*") if path.is_file() and path.name != _LOCK]
    names = sorted((path.relative_to(folder).as_posix() for path in paths), key=lambda name: (name == RECORD, name))
    with _opened(uri) as (store, root):
        for name in names:
            store.makedirs(f"{root}/{name}".rpartition("/")[0], exist_ok=True)
            store.put_file(str(folder / name), f"{root}/{name}")
        for name in set(_names(store, root)) - set(names):
            store.rm_file(f"{root}/{name}")


def _names(store: Any, root: str) -> list[str]:
    """Names of the files under a folder, relative to it; none where it does not exist."""
    store.invalidate_cache()
    prefix = root.rstrip("/") + "/"
    return sorted(path.removeprefix(prefix) for path in store.find(root) if path.startswith(prefix))


def _inside(folder: Path, name: str) -> Path:
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()):
        raise VisumError(f"the object store names a file outside of its folder: {name}")
    return path


@contextmanager
def _opened(uri: str) -> Iterator[tuple[Any, str]]:
    """The store of a URI and the place in it; errors in the user's language."""
    try:
        if uri.startswith(tuple(f"{scheme}://" for scheme in _CLOUDS)):
            obstore = importlib.import_module("obstore.fsspec")
            obstore.register(_CLOUDS)
        store, root = fsspec.core.url_to_fs(uri)
    except ImportError as error:
        raise VisumError(f"{uri} cannot be used here: pip install 'visum-client[cloud]'") from error
    except ValueError as error:
        raise InvalidInputError(f"{uri} is of no known object store", "uri") from error
    try:
        yield store, root.rstrip("/")
    except Exception as error:  # each store has errors of its own
        if isinstance(error, VisumError):
            raise
        text = getattr(error, "strerror", None) or next(iter(str(error).splitlines()), type(error).__name__)
        raise VisumError(f"{uri}: {text}") from error
