"""What people call the summaries of a run: the file that the report's page downloads, read and checked."""

import hashlib
import json
import os
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from visum_client.errors import InvalidInputError
from visum_client.files import file_digest
from visum_client.records import Summary

TAGS_KIND = "visum tags"
TAGS_FORMAT = 1
"""Version of the file's format."""
MAX_FILE_BYTES = 1 << 20
MAX_SUMMARIES = 1000
MAX_TAGS = 50
"""Tags of one summary."""
MAX_NAME_CHARACTERS = 80
MAX_TAG_CHARACTERS = 60
MAX_LABEL_CHARACTERS = 500
"""Name of a network or a class."""
_TEXTS = {"model": MAX_LABEL_CHARACTERS, "target": MAX_LABEL_CHARACTERS, "rater": MAX_NAME_CHARACTERS}
_ID = re.compile(r"S[1-9][0-9]{0,3}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
# Characters that turn the text around them, in a terminal as in a page.
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_FORBIDDEN_CATEGORIES = ("Cc", "Cs", "Zl", "Zp")


@dataclass(frozen=True)
class SummaryTags:
    """What one person calls one summary."""

    name: str
    """Its name; empty: none was given."""
    tags: tuple[str, ...]
    """Nouns for what it shows, as they were typed."""


@dataclass(frozen=True)
class Tags:
    """What one person calls the summaries of one run."""

    run: str
    """Digest of the summaries that were named, as `summaries_digest` gives it."""
    model: str
    """Name of the network that they are of."""
    target: str
    """Name of the class that they are of."""
    rater: str
    """Who named them; empty: nobody said."""
    summaries: Mapping[str, SummaryTags]
    """By the summary's id; those without name and tags are left out."""


def summaries_digest(summaries: Iterable[Summary]) -> str:
    """SHA-256, hexadecimal, over the ids of the summaries and the images and boxes of their members.

    Tags are of summaries with these members, and of no others. Figures do not count, so that a report may be written
    again by a later version.
    """
    lines = [
        f"{summary.id} {part.image} {' '.join(map(str, part.box))}\n"
        for summary in summaries
        for part in summary.members
    ]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def read_tags(path: str | os.PathLike[str]) -> Tags:
    """Reads a file of tags. It may come from anybody: everything is checked.

    Raises:
        InvalidInputError: It cannot be read, is too large, is no such file, or holds what it must not.
    """
    try:
        content = json.loads(_read(Path(path)))
    except (ValueError, RecursionError) as error:
        raise InvalidInputError(f"{path} is not readable JSON in UTF-8", "tags") from error
    try:
        return _tags(content)
    except InvalidInputError as error:
        raise InvalidInputError(f"{path}: {error.message}", "tags") from error


def read_tags_of(summaries: Sequence[Summary], paths: Sequence[str | os.PathLike[str]]) -> list[Tags]:
    """Reads files of tags of the same summaries.

    Raises:
        InvalidInputError: As `read_tags`; or a file is of other summaries, or two files are the same.
    """
    files = read_files(paths)
    wanted = summaries_digest(summaries)
    for path, tags in zip(paths, files, strict=True):
        if tags.run != wanted:
            raise InvalidInputError(f"{path} is of other summaries than those of this run", "tags")
    return files


def read_files(paths: Sequence[str | os.PathLike[str]]) -> list[Tags]:
    """Reads files of tags, each the work of another person.

    Raises:
        InvalidInputError: As `read_tags`; or two are the same file.
    """
    files = [read_tags(path) for path in paths]
    digests = [file_digest(Path(path)) for path in paths]
    for number, digest in enumerate(digests):
        if digest in digests[:number]:
            first = paths[digests.index(digest)]
            raise InvalidInputError(f"{paths[number]} is the same file as {first}: give it once", "tags")
    return files


def normalized_tag(text: str) -> str:
    """A tag as tags are compared: without regard to case, forms of the same character, and width of spaces."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def tag_counts(files: Iterable[Tags], summary: str) -> list[tuple[str, int]]:
    """The tags of a summary and how many people gave each, most proposed first; of equals the first of the alphabet."""
    counts = Counter(
        tag
        for tags in files
        if summary in tags.summaries
        for tag in {normalized_tag(text) for text in tags.summaries[summary].tags}
    )
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def display_name(files: Sequence[Tags], summary: str) -> str:
    """What people call a summary: the name that most gave it, else the tag that most proposed; empty if neither."""
    given = [tags.summaries[summary].name for tags in files if summary in tags.summaries]
    names = Counter(name for name in given if name)
    if names:
        return names.most_common(1)[0][0]
    counts = tag_counts(files, summary)
    return counts[0][0] if counts else ""


def _read(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise InvalidInputError(f"{path} cannot be read: {error.strerror}", "tags") from error
    if len(data) > MAX_FILE_BYTES:
        raise InvalidInputError(f"{path} is larger than {MAX_FILE_BYTES} bytes", "tags")
    return data.decode("utf-8")


def _tags(content: Any) -> Tags:
    if not isinstance(content, dict) or content.get("kind") != TAGS_KIND:
        raise InvalidInputError("is not a file of tags that a report downloaded")
    if content.get("format") != TAGS_FORMAT:
        raise InvalidInputError(f"is not of format {TAGS_FORMAT}, which this version of visum reads")
    run = content.get("run")
    if not isinstance(run, str) or not _DIGEST.fullmatch(run):
        raise InvalidInputError("run must be 64 hexadecimal digits")
    texts = {name: _text(content.get(name, ""), name, most) for name, most in _TEXTS.items()}
    return Tags(run=run, summaries=_summaries(content), **texts)


def _summaries(content: Mapping[str, Any]) -> dict[str, SummaryTags]:
    entries = _list(content.get("summaries"), "summaries", MAX_SUMMARIES)
    found: dict[str, SummaryTags] = {}
    for entry in entries:
        if not isinstance(entry, dict) or not isinstance(entry.get("id"), str) or not _ID.fullmatch(entry["id"]):
            raise InvalidInputError("each of summaries must be an object with an id as S1")
        name = entry["id"]
        if name in found:
            raise InvalidInputError(f"{name} occurs twice")
        found[name] = _summary(entry)
    return {name: tags for name, tags in found.items() if tags.name or tags.tags}


def _summary(entry: Mapping[str, Any]) -> SummaryTags:
    where = entry["id"]
    tags = _list(entry.get("tags", []), f"tags of {where}", MAX_TAGS)
    texts = [_text(tag, f"a tag of {where}", MAX_TAG_CHARACTERS) for tag in tags]
    name = _text(entry.get("name", ""), f"name of {where}", MAX_NAME_CHARACTERS)
    return SummaryTags(name, tuple(text for text in texts if text))


def _list(value: Any, what: str, most: int) -> list[Any]:
    if not isinstance(value, list) or len(value) > most:
        raise InvalidInputError(f"{what} must be a list of at most {most}")
    return value


def _text(value: Any, what: str, most: int) -> str:
    if not isinstance(value, str) or len(value) > most:
        raise InvalidInputError(f"{what} must be a text of at most {most} characters")
    if any(unicodedata.category(sign) in _FORBIDDEN_CATEGORIES or sign in _TURNING for sign in value):
        raise InvalidInputError(f"{what} holds control characters")
    return value.strip()
