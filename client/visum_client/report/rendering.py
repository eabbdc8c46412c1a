"""Turns a page into one HTML file that needs nothing else."""

import base64
import hashlib
from importlib.resources import files

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from visum_client.report.page import Page


def render(page: Page) -> str:
    """Renders the page with its style and script inside; every text of the run is escaped.

    The page's content security policy admits this style and this script by digest, pictures in data URIs, and nothing
    else: it can neither load from a network nor run a script that a file name smuggled in.
    """
    style, script = _resource("style.css"), _resource("viewer.js")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(_resource("template.html")).render(
        page=page,
        style=Markup(style),
        script=Markup(script),
        style_digest=_digest(style),
        script_digest=_digest(script),
    )


def _resource(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
