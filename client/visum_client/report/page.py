"""The report's page as a whole."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from visum_client.report import wording
from visum_client.report.contents import Contents
from visum_client.report.corrections import draw_corrections
from visum_client.report.figures import DiscardedRow, ImageFigure, LeftOutRow, SummarySection
from visum_client.report.gallery import Gallery
from visum_client.report.pictures import grey_matrix
from visum_client.tags import Tags, summaries_digest


@dataclass(frozen=True)
class StageRow:
    """One stage of the run."""

    name: str
    status: str
    done: str
    seconds: str


@dataclass(frozen=True)
class Page:
    """The whole report."""

    model: str
    target: str
    date: str
    notice: str
    paragraphs: list[str]
    used: str
    summary_count: str
    summaries: tuple[SummarySection, ...]
    corrections: Markup
    images: tuple[ImageFigure, ...]
    discarded: tuple[DiscardedRow, ...]
    rejected: str
    unrecognized: tuple[LeftOutRow, ...]
    failed: tuple[LeftOutRow, ...]
    configuration: tuple[tuple[str, str], ...]
    versions: tuple[tuple[str, str], ...]
    stages: tuple[StageRow, ...]
    total_seconds: str
    grey_matrix: str  # of an SVG feColorMatrix
    digest: str  # of the summaries; empty: there are none yet
    has_necessity: bool
    raters: str  # how many people's tags are shown; empty: nobody's


def build_page(contents: Contents, tags: Sequence[Tags] = ()) -> Page:
    """Draws the pictures and words everything.

    Args:
        contents: The run.
        tags: What people call its summaries.

    Raises:
        RunFolderError: A view or mask of a used image is missing or damaged.
    """
    gallery = Gallery(contents, tags)
    clustering = contents.clustering
    stages = contents.run.get("stages") or {}
    summaries = tuple(gallery.summary(summary) for summary in clustering.summaries) if clustering else ()
    return Page(
        model=contents.model,
        target=contents.target,
        date=wording.day(contents.run.get("created")),
        notice=_notice(contents),
        paragraphs=wording.plain_words(contents),
        used=wording.counted(len(contents.used), "image"),
        summary_count=_summary_count(contents),
        summaries=summaries,
        corrections=draw_corrections(contents, summaries),
        images=tuple(gallery.image(image) for image in contents.used.values()),
        discarded=tuple(gallery.discarded(cluster) for cluster in clustering.discarded) if clustering else (),
        rejected=_rejected(contents),
        unrecognized=tuple(gallery.left_out(image) for image in contents.unrecognized),
        failed=tuple(gallery.left_out(image) for image in contents.failed),
        configuration=tuple(_flattened(contents.run["configuration"])),
        versions=tuple(_flattened(contents.run.get("versions") or {})),
        stages=tuple(_stage(name, stage) for name, stage in stages.items()),
        total_seconds=wording.seconds(sum(stage.get("seconds") or 0 for stage in stages.values())),
        grey_matrix=grey_matrix(),
        digest=summaries_digest(clustering.summaries) if clustering and clustering.summaries else "",
        has_necessity=any(summary.necessity is not None for summary in clustering.summaries) if clustering else False,
        raters=_raters(tags),
    )


def _raters(tags: Sequence[Tags]) -> str:
    if not tags:
        return ""
    return "1\u00a0person" if len(tags) == 1 else f"{len(tags)}\u00a0people"


def _notice(contents: Contents) -> str:
    if contents.run.get("status") == "failed":
        message = (contents.run.get("error") or {}).get("message") or "no reason was recorded"
        return f"The run failed: {message}"
    return "" if contents.clustering else "The run is not finished; this is what there is so far."


def _summary_count(contents: Contents) -> str:
    if contents.clustering is None:
        return "no summaries yet"
    count = len(contents.clustering.summaries)
    return f"{count} summary" if count == 1 else f"{count} summaries"


def _rejected(contents: Contents) -> str:
    clustering = contents.clustering
    if clustering is None:
        return ""
    sentences = []
    if clustering.singletons:
        verb = "matches" if clustering.singletons == 1 else "match"
        sentences.append(f"{wording.counted(clustering.singletons, 'part')} {verb} no other.")
    if clustering.redundant:
        sentences.append(f"Left out as redundant before clustering: {wording.counted(clustering.redundant, 'part')}.")
    if not clustering.converged:
        sentences.append("The clustering did not converge: with other settings the summaries may differ.")
    return " ".join(sentences)


def _stage(name: str, stage: Mapping[str, Any]) -> StageRow:
    done, total = stage.get("done"), stage.get("total")
    return StageRow(
        name=name,
        status=str(stage.get("status") or ""),
        done=f"{done}\u00a0of\u00a0{total}" if done is not None and total else "",
        seconds=wording.seconds(stage.get("seconds")),
    )


def _flattened(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from _flattened(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", _setting(value)


def _setting(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(_setting(item) for item in value)
    return wording.MISSING if value is None else str(value)
