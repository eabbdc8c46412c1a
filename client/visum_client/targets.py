"""Finds the class that a user means."""

import difflib
from collections.abc import Sequence

from visum_client.errors import NotFoundError

_SUGGESTIONS = 4


def find_class(target: str | int, classes: Sequence[str]) -> int:
    """Index of a class given by index or by name; case, and "_" for " ", do not matter.

    Raises:
        NotFoundError: No such class, or several of that name; suggests near names.
    """
    if isinstance(target, int) or target.strip().isdecimal():
        return _checked_index(int(target), classes)
    names = [normalized(name) for name in classes]
    wanted = normalized(target)
    indices = [index for index, name in enumerate(names) if name == wanted]
    if len(indices) == 1:
        return indices[0]
    if indices:
        listed = ", ".join(map(str, indices))
        raise NotFoundError(f"{len(indices)} classes are called {target!r}: give the index, one of {listed}", "target")
    near = difflib.get_close_matches(wanted, names, n=_SUGGESTIONS)
    near += [name for name in names if wanted and wanted in name and name not in near][:_SUGGESTIONS]
    shown = dict.fromkeys(classes[names.index(name)] for name in near)
    hint = f"; did you mean {' or '.join(repr(name) for name in shown)}?" if shown else ""
    raise NotFoundError(f"the network has no class {target!r}{hint}", "target")


def normalized(name: str) -> str:
    """A name as names are compared: without regard to case, and to "_" for " "."""
    return " ".join(name.replace("_", " ").casefold().split())


def _checked_index(index: int, classes: Sequence[str]) -> int:
    if not 0 <= index < len(classes):
        raise NotFoundError(f"the network has no class {index}; its classes are 0..{len(classes) - 1}", "target")
    return index
