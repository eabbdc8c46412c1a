"""Crisp saliency masks: which pixels a classifier cannot do without."""

ALGORITHM_VERSION = "4"
"""Changes whenever masks or drops change."""
