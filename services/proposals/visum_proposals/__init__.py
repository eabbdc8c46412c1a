"""Object proposals, their descriptors, the survivors of a mask, and proposal flow between images."""

ALGORITHM_VERSION = "4"
"""Changes whenever boxes, descriptors, survivors or scores change."""
