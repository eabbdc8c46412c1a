"""From match scores to visual summaries: the clustering phase (paper, section 3.2)."""

ALGORITHM_VERSION = "1"
"""Changes whenever summaries change."""
