"""Writes report.html into a run folder."""

import os
from collections.abc import Sequence
from pathlib import Path

from visum_client.files import write_atomically
from visum_client.report.contents import read_contents
from visum_client.report.page import build_page
from visum_client.report.rendering import render
from visum_client.tags import read_tags_of

REPORT_NAME = "report.html"


def write_report(run_folder: Path, tags: Sequence[str | os.PathLike[str]] = ()) -> Path:
    """Draws the report of a run; an unfinished run shows what there is.

    Args:
        run_folder: Folder of a run, format version 1.
        tags: Files of tags, one a person, whose names and tags are shown.

    Returns:
        The path of the report. It replaces an earlier one only when it is complete.

    Raises:
        RunFolderError: It is no run folder, or a file of it is missing, damaged or of another format version.
        InvalidInputError: A file of tags is damaged or of other summaries.
    """
    contents = read_contents(run_folder)
    summaries = contents.clustering.summaries if contents.clustering else ()
    html = render(build_page(contents, read_tags_of(summaries, tags)))
    report = run_folder / REPORT_NAME
    write_atomically(report, html.encode("utf-8"))
    return report
