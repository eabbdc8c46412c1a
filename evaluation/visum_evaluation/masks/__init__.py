"""Masks of every method on the same images: drops, areas, faithfulness (paper, table 2 and figure 3)."""
