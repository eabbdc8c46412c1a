"""Every command and program of the other pages works where the quickstart has been followed."""

import ast
import shlex
from itertools import takewhile
from pathlib import Path

import pytest

from tests.docs.documents import ROOT, Newcomer, blocks, fenced
from visum_client.cli import build_parser

MINUTES = "takes minutes"
NEEDS_MORE = {"quickstart.md", "operations.md", "specializer.md", "masks.md", "matching.md"}
"""Pages that need more than the quickstart leaves: they have tests of their own."""
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
PAGES = [path for path in DOCUMENTS[1:] if path.name not in NEEDS_MORE and blocks(path)]
_SHELL = frozenset({"|", ">", "&&", ";"})


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_the_page_says_works(striped: Newcomer, page: Path) -> None:
    for block in blocks(page):
        if block.note != MINUTES:
            striped.type(block)


@pytest.mark.long
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_what_takes_minutes_works_too(striped: Newcomer, page: Path) -> None:
    for block in blocks(page):
        if block.note == MINUTES:
            striped.type(block)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.stem)
def test_every_command_and_program_of_the_document_is_well_formed(document: Path) -> None:
    for block in blocks(document):
        if block.language == "python":
            compile(block.text, str(document), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    parser = build_parser()
    for text in fenced(document):
        for words in commands(text):
            parser.parse_args(words)


def commands(text: str) -> list[list[str]]:
    """The words after visum of each line that begins with it; servers of single services have flags of their own."""
    lines = [line.strip() for line in text.replace("\\\n", " ").splitlines()]
    words = [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("visum ")]
    plain = [list(takewhile(lambda word: word not in _SHELL, line)) for line in words]
    return [line for line in plain if line[0] != "serve" or line[1][:1] == "-"]
