"""Services that somebody else runs."""

from collections.abc import Mapping

from visum_client.credentials import Credentials
from visum_client.errors import ServiceUnavailableError, VisumError
from visum_client.models import GivenModel


class RemoteServices:
    """Services at known addresses; a backend for `Services`."""

    def __init__(
        self, addresses: Mapping[str, str], credentials: Credentials | None = None, *, images_at: str | None = None
    ) -> None:
        self.addresses = dict(addresses)
        self.credentials = credentials
        self.images_at = images_at

    async def address(self, service: str) -> str:
        """Address of a service. Raises ServiceUnavailableError where none was given."""
        if service not in self.addresses:
            given = ", ".join(self.addresses)
            raise ServiceUnavailableError(f"no address was given for the {service} service, only for {given}")
        return self.addresses[service]

    def failure(self, service: str) -> VisumError | None:
        """None: whoever runs a service may start it again."""
        return None

    def answered(self, service: str) -> None:
        """Does nothing: whoever runs a service watches over it."""

    def admit(self, model: GivenModel) -> None:
        """Does nothing: networks are not uploaded; the services have them or not."""

    async def close(self) -> None:
        """Does nothing: the services live on."""
