"""Finished runs of several classes made into a better classifier."""
