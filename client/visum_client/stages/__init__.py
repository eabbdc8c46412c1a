"""The stages of a run, each a few functions that call one service."""
