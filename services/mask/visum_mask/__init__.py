"""Crisp saliency masks: which pixels a classifier cannot do without."""

ALGORITHM_VERSION = "5"
"""Changes whenever masks or drops change."""
