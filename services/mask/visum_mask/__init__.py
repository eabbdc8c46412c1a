"""Crisp saliency masks: which pixels a classifier cannot do without."""

ALGORITHM_VERSION = "2"
"""Changes whenever masks or drops change."""
