"""Turns a page into one HTML file that needs nothing else."""

import base64
import hashlib
from collections.abc import Sequence
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from visum_client.report.page import Page

SCRIPTS = ("viewer.js", "naming.js")


def render(page: Page) -> str:
    """Renders a report; every text of the run is escaped."""
    return render_page("template.html", page, SCRIPTS)


def render_page(template: str, page: object, scripts: Sequence[str] = ()) -> str:
    """Renders a page with its style and scripts inside.

    The page's content security policy admits this style and these scripts by digest, pictures in data URIs, and nothing
    else: it can neither load from a network nor run a script that a file name smuggled in.

    Args:
        template: Name of the template; it finds the page as `page`.
        page: What it shows.
        scripts: Names of its scripts.
    """
    style, sources = _resource("style.css"), [_resource(name) for name in scripts]
    environment = Environment(
        loader=FunctionLoader(_resource),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(template).render(
        page=page,
        style=Markup(style),
        scripts=[Markup(source) for source in sources],
        style_digest=_digest(style),
        script_digests=[_digest(source) for source in sources],
    )


def _resource(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
