"""Runs side by side: networks on the same images by where their summaries lie, classes by what the network sees."""
