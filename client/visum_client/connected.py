"""Services, local or remote, and a connection to them that begins and ends."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from visum.v1 import info_pb2

from visum_client.channels import parse_addresses
from visum_client.credentials import Credentials
from visum_client.errors import InvalidInputError, VisumError
from visum_client.local import LocalServices, LocalSettings
from visum_client.methods import SERVICES
from visum_client.private_folder import PrivateFolder
from visum_client.remote import RemoteServices
from visum_client.scheduler import Backend, Services

SERVICES_VARIABLE = "VISUM_SERVICES"
"""Environment variable that `from_env` reads."""
DOWNLOADS = "images"
"""Folder of the copies of remote images, within the cache."""
ModelLike = str | os.PathLike[str]
"""Name of a network, or its file (.pth, .pt, .pt2)."""


class Connected:
    """Services in reach, until it is closed."""

    def __init__(self, backend: Backend) -> None:
        self._services = Services(backend)
        self._private: PrivateFolder | None = None
        self._closed = False

    @classmethod
    def local(cls, settings: LocalSettings | None = None) -> Self:
        """A client with services of its own: processes of this machine, started when first needed, ended with it."""
        return cls(LocalServices(settings))

    @classmethod
    def connect(cls, services: str, credentials: Credentials | None = None, *, images_at: str | None = None) -> Self:
        """A client of running services.

        Args:
            services: As `mask=host:port,proposals=host:port,clustering=host:port,specializer=host:port`.
            credentials: How it and the services know each other; None: they do not, and speak plain text.
            images_at: URI (file, https) where the services read images themselves, if their operators allow that place:
                the names of the image's folder and of its file follow. None: images are sent.

        Raises:
            InvalidInputError: Not of that form.
        """
        return cls(RemoteServices(parse_addresses(services), credentials, images_at=images_at))

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Self:
        """A client of the services that the environment variable VISUM_SERVICES names, in the form of `connect`.

        VISUM_TLS_CA, VISUM_TLS_CERTIFICATE, VISUM_TLS_KEY and VISUM_TOKEN_FILE name the files of its credentials.

        Raises:
            VisumError: It is not set.
            InvalidInputError: Not of that form, or a file cannot be used.
        """
        environ = os.environ if environ is None else environ
        text = environ.get(SERVICES_VARIABLE, "")
        if not text:
            raise VisumError(f"the variable {SERVICES_VARIABLE} is not set; `visum serve` prints a value for it")
        return cls.connect(text, Credentials.given(environ))

    async def server_info(self, service: str) -> info_pb2.GetServerInfoResponse:
        """What a service says of itself: version, device, concurrency.

        Args:
            service: mask, proposals, clustering or specializer.

        Raises:
            InvalidInputError: There is no such service.
            ServiceUnavailableError: It cannot be reached or started.
        """
        if service not in SERVICES:
            raise InvalidInputError(f"is {service!r}, must be one of {', '.join(SERVICES)}", "service")
        return (await self._open().connection(service)).info

    async def close(self) -> None:
        """Closes the connections and ends local services."""
        if not self._closed:
            self._closed = True
            await self._services.close()
            if self._private is not None:
                self._private.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    def __reduce__(self) -> tuple[Callable[[Backend], Self], tuple[Backend]]:
        """A pickled client becomes another one of the same services; local services are started anew for it."""
        return type(self), (self._open().backend,)

    def _open(self) -> Services:
        if self._closed:
            raise VisumError("the client is closed", what_to_do="make a new one")
        return self._services

    def _downloads(self, cache: str | os.PathLike[str] | None = None) -> Path:
        """Folder for copies of remote images: in the cache, or one that goes with this client."""
        if cache is not None:
            return Path(cache) / DOWNLOADS
        if self._private is None:
            self._private = PrivateFolder()
        return self._private.path / DOWNLOADS
