"""Summaries held against the planted truth: `visum evaluate parts`."""
