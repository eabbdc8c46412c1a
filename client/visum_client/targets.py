"""Finds the class that a user means."""

import difflib
import operator
import re
from collections.abc import Sequence
from typing import SupportsIndex

from visum_client.errors import InvalidInputError, NotFoundError

_SUGGESTIONS = 4
_WORDNET_ID = re.compile(r"^n\d{8}[ _-]")


def find_class(target: str | SupportsIndex, classes: Sequence[str]) -> int:
    """Index of a class given by index or by name; case, and "_" for " ", do not matter.

    A text of digits is an index only where no class is called so: the classes of digits are called "0" to "9".

    Raises:
        InvalidInputError: The target is neither a text nor a whole number.
        NotFoundError: No such class, or several of that name; suggests near names.
    """
    if not isinstance(target, str):
        return _checked_index(_whole(target), classes)
    indices = _called(target, classes)
    if len(indices) == 1:
        return indices[0]
    if indices:
        listed = ", ".join(map(str, indices))
        raise NotFoundError(f"{len(indices)} classes are called {target!r}: give the index, one of {listed}", "target")
    if target.strip().isdecimal():
        return _checked_index(int(target), classes)
    raise NotFoundError(f"the network has no class {target!r}{_hint(target, classes)}", "target")


def find_class_of_folder(name: str, classes: Sequence[str]) -> int:
    """Index of the class that a folder is named after: by name, as n02099601_golden_retriever, or by index.

    Raises NotFoundError as `find_class`.
    """
    return find_class(name if _called(name, classes) else _WORDNET_ID.sub("", name), classes)


def means(target: str | SupportsIndex, index: int, name: str, classes: Sequence[str] | None) -> bool:
    """True where a target is surely the class of this index and name.

    Args:
        target: As `find_class` takes it.
        index: Index of the class.
        name: Its name.
        classes: Names of all classes; None: they are not known, and so not whether digits are a name or an index.

    Raises:
        VisumError: As `find_class`.
    """
    if classes is not None:
        return find_class(target, classes) == index
    return normalized(target) == normalized(name) if isinstance(target, str) else _whole(target) == index


def normalized(name: str) -> str:
    """A name as names are compared: without regard to case, and to "_" for " "."""
    return " ".join(name.replace("_", " ").casefold().split())


def _called(target: str, classes: Sequence[str]) -> list[int]:
    wanted = normalized(target)
    return [index for index, name in enumerate(classes) if normalized(name) == wanted]


def _hint(target: str, classes: Sequence[str]) -> str:
    names, wanted = [normalized(name) for name in classes], normalized(target)
    near = difflib.get_close_matches(wanted, names, n=_SUGGESTIONS)
    near += [name for name in names if wanted and wanted in name and name not in near][:_SUGGESTIONS]
    shown = dict.fromkeys(classes[names.index(name)] for name in near)
    return f"; did you mean {' or '.join(repr(name) for name in shown)}?" if shown else ""


def _whole(target: SupportsIndex) -> int:
    try:
        return operator.index(target)
    except TypeError:
        raise InvalidInputError(f"is {target!r}, must be a name or an index", "target") from None


def _checked_index(index: int, classes: Sequence[str]) -> int:
    if not 0 <= index < len(classes):
        raise NotFoundError(f"the network has no class {index}; its classes are 0..{len(classes) - 1}", "target")
    return index
