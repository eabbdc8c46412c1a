"""run.json: what a run is and how far it came."""

import platform
from dataclasses import dataclass, field
from importlib.metadata import version
from typing import Any

from visum.v1 import info_pb2

from visum_client.folder import FORMAT, RunFolder, now, write_records
from visum_client.progress import Progress


@dataclass
class RunLog:
    """The content of run.json; `save` writes it."""

    folder: RunFolder
    configuration: dict[str, Any]
    progress: Progress
    created: str = field(default_factory=now)
    status: str = "running"
    finished: str | None = None
    error: str | None = None
    services: dict[str, dict[str, Any]] = field(default_factory=dict)

    def add_service(self, name: str, info: info_pb2.GetServerInfoResponse) -> None:
        """Notes what a service said of itself."""
        self.services[name] = {
            "version": info.version,
            "algorithm_version": info.algorithm_version,
            "device": info.device,
            "deterministic": info.deterministic,
        }

    def save(self) -> None:
        """Writes run.json."""
        versions = {"client": version("visum-client"), "format": FORMAT, "python": platform.python_version()}
        write_records(
            self.folder.run,
            status=self.status,
            created=self.created,
            finished=self.finished,
            configuration=self.configuration,
            versions=versions | {"services": self.services},
            stages=self.progress.to_json(),
            error=None if self.error is None else {"message": self.error},
        )

    def end(self, status: str, error: str | None = None) -> None:
        """Notes how the run ended, and writes it."""
        self.status, self.error, self.finished = status, error, now()
        self.save()
