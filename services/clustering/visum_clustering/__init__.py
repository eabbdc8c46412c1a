"""From match scores to visual summaries: the clustering phase (paper, section 3.2)."""

ALGORITHM_VERSION = "3"
"""Changes whenever summaries change."""
