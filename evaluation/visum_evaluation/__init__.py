"""Experiments about masks, matching and summaries; the command `visum evaluate`."""
