"""Features of images, and classifiers specialized by summaries."""

ALGORITHM_VERSION = "2"
"""Changes whenever results change."""
