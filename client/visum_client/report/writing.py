"""Writes report.html into a run folder."""

from pathlib import Path

from visum_client.files import write_atomically
from visum_client.report.contents import read_contents
from visum_client.report.page import build_page
from visum_client.report.rendering import render

REPORT_NAME = "report.html"


def write_report(run_folder: Path) -> Path:
    """Draws the report of a run; an unfinished run shows what there is.

    Args:
        run_folder: Folder of a run, format version 1.

    Returns:
        The path of the report. It replaces an earlier one only when it is complete.

    Raises:
        RunFolderError: It is no run folder, or a file of it is missing, damaged or of another format version.
    """
    html = render(build_page(read_contents(run_folder)))
    report = run_folder / REPORT_NAME
    write_atomically(report, html.encode("utf-8"))
    return report
