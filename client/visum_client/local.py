"""The four services on this machine, for as long as this process lives."""

import asyncio
import importlib.util
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from visum_client.child import ChildLimits, ChildServer
from visum_client.credentials import Credentials
from visum_client.errors import ServiceUnavailableError, VisumError
from visum_client.models import GivenModel, ModelFolder
from visum_client.private_folder import PrivateFolder

MODULES = {
    "mask": "visum_mask",
    "proposals": "visum_proposals",
    "clustering": "visum_clustering",
    "specializer": "visum_specializer",
}
"""The package of each service."""
INSTALL_HINT = "install the services: pip install 'visum-client[local]'"
_READS_MODELS = frozenset({"mask", "specializer"})
_USES_ALL_CORES = frozenset({"mask", "proposals"})


@dataclass(frozen=True)
class LocalSettings:
    """How local services are started.

    Raises:
        ValueError: A value is out of range.
    """

    threads: int | None = None
    """Cores that the mask and the proposal service use; None: all of this machine."""
    host: str = "127.0.0.1"
    """Address that they listen on."""
    ports: dict[str, int] = field(default_factory=dict)
    """Port of a service; without one it takes any that is free."""
    model_dir: Path | None = None
    """Folder of networks; None: a private one, for exactly the files that calls name."""
    trust_model_dir: bool = True
    """Exported programs of that folder may be loaded, which can execute code."""
    limits: ChildLimits = field(default_factory=ChildLimits)
    """How long a service may take, and how often it is started again."""
    show_logs: bool = False
    """Let the services log to this process's standard error, instead of to private files."""
    flags: tuple[str, ...] = ()
    """Flags that every service gets besides."""

    def __post_init__(self) -> None:
        if self.threads is not None and self.threads < 1:
            raise ValueError(f"threads is {self.threads}, must be at least 1")


class LocalServices:
    """Starts each service when it is first needed; a backend for `Services`. Belongs to one event loop."""

    def __init__(self, settings: LocalSettings | None = None) -> None:
        self._settings = settings or LocalSettings()
        self._folder = PrivateFolder()
        self._servers: dict[str, ChildServer] = {}
        self._starts: dict[str, asyncio.Task[None]] = {}
        private = self._folder.path / "models"
        private.mkdir()
        self._models = ModelFolder(private)
        self.credentials: Credentials | None = None
        self.images_at: str | None = None
        self.gave_up = asyncio.Event()
        """Set as soon as a service will not come back."""

    async def address(self, service: str) -> str:
        """Address of a service, started first if it is not.

        Raises:
            ServiceUnavailableError: It is not installed, or did not start; with the end of its log.
        """
        if failure := self.failure(service):
            raise failure
        if service not in self._starts:
            self._servers[service] = self._server(service)
            self._starts[service] = asyncio.create_task(self._servers[service].start())
        await asyncio.shield(self._starts[service])
        return f"{self._settings.host}:{self._servers[service].port}"

    def failure(self, service: str) -> VisumError | None:
        """Why a service will not come back; None while there is hope."""
        server = self._servers.get(service)
        return server.failure if server else None

    def answered(self, service: str) -> None:
        """Takes note that a service answered."""
        if server := self._servers.get(service):
            server.answered()

    def admit(self, model: GivenModel) -> None:
        """Lets the services use the weights file of a network."""
        self._models.add(model)

    def process_ids(self) -> dict[str, int]:
        """Process of each service that was started."""
        pids = {service: server.process_id for service, server in self._servers.items()}
        return {service: pid for service, pid in pids.items() if pid is not None}

    async def close(self) -> None:
        """Ends all services and removes their private files."""
        for task in self._starts.values():
            task.cancel()
        await asyncio.gather(*self._starts.values(), return_exceptions=True)
        await asyncio.gather(*(server.stop() for server in self._servers.values()))
        self._folder.close()

    def __reduce__(self) -> tuple[type["LocalServices"], tuple[LocalSettings]]:
        """Processes cannot be copied: pickled, these are others of the same settings."""
        return LocalServices, (self._settings,)

    def _server(self, service: str) -> ChildServer:
        if importlib.util.find_spec(MODULES[service]) is None:
            raise ServiceUnavailableError(f"the local {service} service is not installed; {INSTALL_HINT}")
        log = None if self._settings.show_logs else self._folder.path / f"{service}.log"
        port = self._settings.ports.get(service, 0)
        title, arguments = f"local {service} service", self._arguments(service)
        return ChildServer(title, MODULES[service], arguments, port, log, self._settings.limits, self.gave_up)

    def _arguments(self, service: str) -> Sequence[str]:
        settings = self._settings
        threads = (settings.threads or _cores()) if service in _USES_ALL_CORES else 1
        arguments = ["--host", settings.host, "--threads", str(threads), *settings.flags]
        if service in _READS_MODELS:
            arguments += ["--model-dir", str(settings.model_dir or self._models.path)]
            if settings.trust_model_dir:
                arguments += ["--trust-model-dir"]
        return arguments


def _cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on every system
        return os.cpu_count() or 1
