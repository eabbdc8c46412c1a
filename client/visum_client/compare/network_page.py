"""The page on which several networks stand side by side."""

from collections import Counter
from collections.abc import Sequence
from itertools import combinations

from visum_client.compare.drawing import draw_absence, draw_summary
from visum_client.compare.networks import CHANCE_RATE, ComparedPart, NetworkComparison, summaries_of
from visum_client.compare.overlap import SHUFFLES, Absence
from visum_client.compare.page import Cell, Column, ComparisonPage, Row, Table, TableCell
from visum_client.records import Summary
from visum_client.report import wording

_NOTHING = "\u00b7"
_LEAST_SHOWN = 0.005
_FEW_IMAGES = 20


def network_page(comparison: NetworkComparison) -> ComparisonPage:
    """Draws a comparison. Raises RunFolderError where a view or region map is missing or damaged."""
    names = run_names(comparison)
    return ComparisonPage(
        title=comparison.runs[0].target,
        subtitle=" against ".join(names),
        facts=(wording.counted(len(comparison.images), "common image"), wording.counted(len(names), "run")),
        paragraphs=tuple(_plain_words(comparison, names)),
        columns=tuple(
            Column(
                name, f"{contents.folder.path}, network {contents.run['configuration']['model'].get('sha256', '')[:12]}"
            )
            for name, contents in zip(names, comparison.runs, strict=True)
        ),
        rows=tuple(_row(comparison, part, number) for number, part in enumerate(comparison.parts, start=1)),
        tables=tuple(_table(comparison, names, one, other) for one, other in combinations(range(len(names)), 2)),
        glossary=_glossary(comparison),
    )


def run_names(comparison: NetworkComparison) -> list[str]:
    """Names by which runs are told apart: their networks, with the folder where several are of the same name."""
    models = [contents.model for contents in comparison.runs]
    counts = Counter(models)
    return [
        model if counts[model] == 1 else f"{model} in {contents.folder.path.name}"
        for model, contents in zip(models, comparison.runs, strict=True)
    ]


def _plain_words(comparison: NetworkComparison, names: Sequence[str]) -> list[str]:
    shared = sum(None not in part.summaries for part in comparison.parts)
    runs = "both runs" if len(names) == 2 else f"all {len(names)} runs"
    verb = "is" if shared < 2 else "are"
    opening = (
        f"{shared or 'None'} of {wording.counted(len(comparison.parts), 'part')} {verb} used by {runs}, in the same "
        "places of the same images."
    )
    if len(comparison.images) < _FEW_IMAGES:
        opening += f" {len(comparison.images)} images are few: only large overlaps can be told from chance."
    sentences = []
    for run, name in enumerate(names):
        count = len(summaries_of(comparison.runs[run]))
        own = sum(part.summaries[run] is not None and part.overlap is None for part in comparison.parts)
        sentences.append(
            f"{wording.isolated(name)} has {wording.of_summaries(count)}, {own or 'none'} of them without a partner."
        )
    return [opening, " ".join(sentences)]


def _row(comparison: NetworkComparison, part: ComparedPart, number: int) -> Row:
    image = _best_image(comparison, part)
    cells = tuple(_cell(comparison, part, run, image) for run in range(len(comparison.runs)))
    facts = "in one run alone" if part.overlap is None else f"overlap {wording.number(part.overlap)}"
    return Row(f"Part {number}", facts, cells)


def _cell(comparison: NetworkComparison, part: ComparedPart, run: int, image: str | None) -> Cell:
    contents, name = comparison.runs[run], part.summaries[run]
    if name is not None:
        return draw_summary(contents, _summary(comparison, run, name), image)
    absence = part.absences[run]
    return draw_absence(contents, image, () if absence is None else _absence(absence))


def _absence(absence: Absence) -> tuple[str, ...]:
    return (
        f"Its masks mark {wording.percent(absence.in_masks)} of the part, and {wording.percent(absence.mask_area)} of "
        "these images as a whole.",
        f"Other summaries hold {wording.percent(absence.in_summaries)} of the part.",
    )


def _best_image(comparison: NetworkComparison, part: ComparedPart) -> str | None:
    """The common image that most summaries of the part show; of equals the one that they fit best."""
    summaries = [_summary(comparison, run, name) for run, name in enumerate(part.summaries) if name is not None]
    fits: Counter[str] = Counter()
    for summary in summaries:
        best = {member.image: (len(summary.members) - rank) for rank, member in enumerate(summary.members)}
        fits.update({image: 1000 + best[image] for image in comparison.images if image in best})
    return fits.most_common(1)[0][0] if fits else None


def _summary(comparison: NetworkComparison, run: int, name: str) -> Summary:
    return next(summary for summary in summaries_of(comparison.runs[run]) if summary.id == name)


def _table(comparison: NetworkComparison, names: Sequence[str], one: int, other: int) -> Table:
    rows, columns = ([summary.id for summary in summaries_of(comparison.runs[run])] for run in (one, other))
    together = {(part.summaries[one], part.summaries[other]) for part in comparison.parts}

    def cell(row: str, column: str) -> TableCell:
        pair = (one, row), (other, column)
        value = comparison.overlaps[pair].value
        if value < _LEAST_SHOWN:
            return TableCell(_NOTHING, False)
        star = "*" if pair in comparison.beyond_chance else ""
        return TableCell(wording.number(value) + star, (row, column) in together)

    caption = f"Overlap of the summaries of {names[one]} (rows) and {names[other]} (columns)"
    return Table(caption, tuple(columns), tuple((row, tuple(cell(row, column) for column in columns)) for row in rows))


def _glossary(comparison: NetworkComparison) -> tuple[tuple[str, str], ...]:
    least = wording.number(comparison.min_overlap)
    return (
        (
            "Overlap",
            "Intersection over union of the pixels of two summaries in the original image, added up over the images "
            "that show both and divided by the number of images that show either: 1 where both mark the same pixels of "
            "the same images.",
        ),
        (
            "*",
            f"So few of {SHUFFLES} shuffles of the images reach as much that at most {wording.percent(CHANCE_RATE)} of "
            "the pairs marked so are expected to be chance: the summaries meet in these very images, not only in the "
            "middle of any.",
        ),
        (
            "The same part",
            f"Summaries of different runs whose overlap is marked * and at least {least} on average, joined by falling "
            "overlap, at most one of a run; bold in the tables.",
        ),
        (
            "No summary",
            "The network may use the place all the same: then its masks mark much of the part, but what they mark "
            "there did not recur as a group of its own.",
        ),
    )
