"""The page on which two classes of one network stand side by side."""

from visum_client.compare.classes import ClassComparison
from visum_client.compare.drawing import draw_absence, draw_summary
from visum_client.compare.networks import summaries_of
from visum_client.compare.page import Cell, Column, ComparisonPage, Row, Table, TableCell
from visum_client.report import wording


def class_page(comparison: ClassComparison) -> ComparisonPage:
    """Draws a comparison. Raises RunFolderError where a view or region map is missing or damaged."""
    first, second = comparison.runs
    shared = sum(None not in pair for pair in comparison.pairs)
    return ComparisonPage(
        title=f"{first.target} and {second.target}",
        subtitle=f"What {first.model} uses for both",
        facts=tuple(
            f"{contents.target}: {wording.counted(len(contents.used), 'image')}" for contents in comparison.runs
        ),
        paragraphs=(_plain_words(comparison, shared),),
        columns=tuple(Column(contents.target, str(contents.folder.path)) for contents in comparison.runs),
        rows=tuple(_row(comparison, pair, number) for number, pair in enumerate(comparison.pairs, start=1)),
        tables=(_table(comparison),),
        glossary=_glossary(comparison),
    )


def _plain_words(comparison: ClassComparison, shared: int) -> str:
    first, second = comparison.runs
    ours, theirs = len(summaries_of(first)), len(summaries_of(second))
    count = "none" if shared == 0 else str(shared)
    return (
        f"Of {wording.of_summaries(ours)} of {wording.isolated(first.target)} and {wording.of_summaries(theirs)} of "
        f"{wording.isolated(second.target)}, {count} {'is' if shared == 1 else 'are'} the same part to the network."
    )


def _row(comparison: ClassComparison, pair: tuple[str | None, str | None], number: int) -> Row:
    one, other = pair
    if one is None or other is None:
        facts = "in one class alone"
    else:
        facts = f"sharing {wording.number(comparison.sharings[one, other].value)}"
    return Row(f"Part {number}", facts, tuple(_cell(comparison, pair, column) for column in range(2)))


def _cell(comparison: ClassComparison, pair: tuple[str | None, str | None], column: int) -> Cell:
    contents = comparison.runs[column]
    name = pair[column]
    if name is None:
        return draw_absence(contents, None, (_nearest(comparison, pair),))
    return draw_summary(contents, next(summary for summary in summaries_of(contents) if summary.id == name), None)


def _nearest(comparison: ClassComparison, pair: tuple[str | None, str | None]) -> str:
    """The summary of the other class that is nearest to one without a partner."""
    side = 0 if pair[0] is not None else 1
    near = {
        names[1 - side]: sharing.value for names, sharing in comparison.sharings.items() if names[side] == pair[side]
    }
    if not near:
        return "The class has no summaries."
    best = max(near, key=lambda name: near[name])
    if not near[best]:
        return "No part of it is like this one."
    return f"The nearest is {best}, sharing {wording.number(near[best])}."


def _table(comparison: ClassComparison) -> Table:
    first, second = comparison.runs
    rows, columns = ([summary.id for summary in summaries_of(contents)] for contents in comparison.runs)

    def cell(row: str, column: str) -> TableCell:
        sharing = comparison.sharings[row, column]
        star = "*" if sharing.value > sharing.rival else ""
        return TableCell(wording.number(sharing.value) + star, (row, column) in comparison.pairs)

    caption = f"Sharing of the summaries of {first.target} (rows) and {second.target} (columns)"
    return Table(caption, tuple(columns), tuple((row, tuple(cell(row, column) for column in columns)) for row in rows))


def _glossary(comparison: ClassComparison) -> tuple[tuple[str, str], ...]:
    least = wording.number(comparison.min_sharing)
    return (
        (
            "Sharing",
            "Share of the members of one summary that fit the other as its own members do, mean of both directions. A "
            "part fits a summary where a tenth of its own members, each left out in turn, fit no better. Likeness is "
            "measured by the features that made the clusters.",
        ),
        (
            "The same part",
            f"Summaries whose sharing is at least {least} and more than either has with another summary of its own "
            "class (marked *), joined by falling sharing; bold in the table.",
        ),
    )
