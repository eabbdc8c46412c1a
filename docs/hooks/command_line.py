"""Writes the page of the command line from its parser, so that it is never older than the commands."""

import argparse
from collections.abc import Iterator
from typing import Any

from visum_client.cli import build_parser

PLACE = "<!-- the commands -->"


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Called by mkdocs for every page."""
    return markdown.replace(PLACE, "\n\n".join(_sections(build_parser()))) if PLACE in markdown else markdown


def _sections(parser: argparse.ArgumentParser) -> Iterator[str]:
    """The help of a parser, and of all commands within it."""
    title = "##" if " " not in parser.prog else "###"
    yield f"{title} `{parser.prog}`\n\n```text\n{parser.format_help().rstrip()}\n```"
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for own in action.choices.values():
                yield from _sections(own)
