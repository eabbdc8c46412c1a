"""Runs and classifiers in MLflow: where they are tracked, and where classifiers are registered."""

from visum_client.tracking.classifier import log_specialized
from visum_client.tracking.runs import log_coherency, log_runs

__all__ = ["log_coherency", "log_runs", "log_specialized"]
