"""From match scores to visual summaries: the clustering phase (paper, section 3.2)."""

ALGORITHM_VERSION = "2"
"""Changes whenever summaries change."""
