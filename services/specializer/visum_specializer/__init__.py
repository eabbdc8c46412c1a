"""Features of images, and classifiers specialized by summaries."""

ALGORITHM_VERSION = "3"
"""Changes whenever results change."""
