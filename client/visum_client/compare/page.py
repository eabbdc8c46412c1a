"""What the page of a comparison shows."""

from dataclasses import dataclass

from visum_client.report.figures import Picture


@dataclass(frozen=True)
class Column:
    """One run."""

    title: str
    facts: str


@dataclass(frozen=True)
class Cell:
    """What one run has of a part."""

    title: str  # name of its summary, or that it has none
    facts: tuple[str, ...]
    picture: Picture | None  # the whole view of one image
    alt: str
    close_ups: tuple[tuple[Picture, str], ...]  # with their alternative texts
    is_absent: bool


@dataclass(frozen=True)
class Row:
    """One part in all runs."""

    title: str
    facts: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class TableCell:
    """One pair of summaries."""

    text: str
    is_same: bool


@dataclass(frozen=True)
class Table:
    """All pairs of the summaries of two runs."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[TableCell, ...]], ...]


@dataclass(frozen=True)
class ComparisonPage:
    """The whole page."""

    title: str
    subtitle: str
    facts: tuple[str, ...]
    paragraphs: tuple[str, ...]
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    tables: tuple[Table, ...]
    glossary: tuple[tuple[str, str], ...]
