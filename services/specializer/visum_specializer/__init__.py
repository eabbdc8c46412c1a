"""Features of images, and classifiers specialized by summaries."""

ALGORITHM_VERSION = "4"
"""Changes whenever results change."""
