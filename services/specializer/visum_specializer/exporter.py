"""Exports on the CPU, with networks that no other call uses."""

import threading
from dataclasses import replace

from visum_models import ModelRepository
from visum_models.repository import ModelSettings
from visum_specializer.export import ExportedFile, Format, export
from visum_specializer.summary_classifier import SummaryClassifier


class Exporter:
    """Exports one classifier at a time. Thread-safe.

    Tracing exchanges a network's parameters while it runs, and an exported program cannot be copied off a GPU: so the
    exporter loads networks of its own and keeps the last one.

    Args:
        settings: Which networks may be loaded.
    """

    def __init__(self, settings: ModelSettings) -> None:
        self._models = ModelRepository(replace(settings, cache_bytes=1), submodules=True)
        self._lock = threading.Lock()

    def export(
        self, name: str, sha256: str, summaries: SummaryClassifier, message: bytes, kind: Format
    ) -> ExportedFile:
        """The file of a classifier and the network of this name and digest. Raises as `export` and loading do."""
        with self._lock:
            return export(self._models.load(name, sha256), summaries, message, kind)
