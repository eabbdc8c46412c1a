"""The report of a run: one self-contained page drawn from the run folder alone."""

from visum_client.report.writing import write_report

__all__ = ["write_report"]
