"""The report's section of images that a specialized classifier corrects, each with the summary that did it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import PurePosixPath
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from visum_client.errors import RunFolderError
from visum_client.folder import FORMAT, read_json
from visum_client.report import wording
from visum_client.report.contents import Contents, is_digest
from visum_client.report.figures import Picture, SummarySection
from visum_client.report.pictures import shrink, to_data_uri
from visum_client.report.views import read_view

_PICTURE_SIDE = 256


@dataclass(frozen=True)
class CorrectedImage:
    """An image that was named wrongly before and rightly after."""

    name: str
    path: str
    picture: Picture
    before: str
    after: str
    summary: SummarySection | None
    """The summary that contributed most."""


def draw_corrections(contents: Contents, summaries: Sequence[SummarySection]) -> Markup:
    """The section; nothing where no specialized classifier was made of the run.

    Raises:
        RunFolderError: specialization.json or a view that it names is damaged or missing.
    """
    path = contents.folder.specialization
    if not path.exists():
        return Markup("")
    content = read_json(path)
    by_id = {summary.id: summary for summary in summaries}
    try:
        if content["format"] != FORMAT:
            raise RunFolderError(f"{path} is not of format {FORMAT}, which this version of visum reads")
        images = [_corrected(contents, entry, by_id) for entry in content["corrected"]]
        text = _sentence(content, len(images))
    except (KeyError, TypeError, AttributeError) as error:
        raise RunFolderError(f"{path} does not have the format {FORMAT}: {error!r}") from error
    template = files(__package__).joinpath("corrections.html").read_text(encoding="utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return Markup(environment.from_string(template).render(images=images, text=text))


def _corrected(contents: Contents, entry: Mapping[str, Any], summaries: Mapping[str, SummarySection]) -> CorrectedImage:
    if not is_digest(entry["digest"]):
        raise RunFolderError(f"{contents.folder.specialization}: {entry['digest']!r} is not 64 hexadecimal digits")
    pixels = shrink(read_view(contents.folder, entry["digest"]), _PICTURE_SIDE)
    height, width, _ = pixels.shape
    return CorrectedImage(
        name=PurePosixPath(entry["path"]).name,
        path=entry["path"],
        picture=Picture(to_data_uri(pixels), width, height),
        before=_named(entry["before"]),
        after=_named(entry["after"]),
        summary=summaries.get(entry["summary"]),
    )


def _named(score: Mapping[str, Any]) -> str:
    return f"{score['name']} ({wording.percent(score['probability'])})"


def _sentence(content: Mapping[str, Any], corrected: int) -> str:
    classifier, spoiled = content["classifier"], int(content["spoiled"])
    if not classifier["weight"]:
        return f"{classifier['file']} was made of these summaries, but they did not help on the validation images."
    text = f"Of the validation images of this class, {classifier['file']} names {corrected} rightly that the network"
    return f"{text} names wrongly, and {spoiled} wrongly that it names rightly."
