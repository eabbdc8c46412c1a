"""Features of images, and classifiers specialized by summaries."""

ALGORITHM_VERSION = "1"
"""Changes whenever results change."""
