"""From match scores to visual summaries: the clustering phase (paper, section 3.2)."""

ALGORITHM_VERSION = "4"
"""Changes whenever summaries change."""
