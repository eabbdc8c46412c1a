"""A server's certificate, key, and the authorities of its callers; read anew when the files change."""

import logging
import ssl
from pathlib import Path

import grpc

from visum_runtime.files import FileState, file_states
from visum_runtime.logs import log
from visum_runtime.settings import ServerSettings


def server_credentials(settings: ServerSettings) -> grpc.ServerCredentials | None:
    """TLS credentials of a server, mutual where it has authorities for its callers; None where it speaks plain text.

    Each new connection sees the files as they are by then; connections that are there go on.

    Raises:
        OSError: A file cannot be read, or certificate and key do not belong together.
    """
    if not settings.tls_certificate:
        return None
    authorities = Path(settings.tls_client_ca) if settings.tls_client_ca else None
    certificates = _Certificates(Path(settings.tls_certificate), Path(settings.tls_key), authorities)
    return grpc.dynamic_ssl_server_credentials(
        certificates.read(),
        certificates.changed,  # type: ignore[arg-type] # None, which means unchanged, is not in the stubs
        require_client_authentication=authorities is not None,
    )


class _Certificates:
    def __init__(self, certificate: Path, key: Path, authorities: Path | None) -> None:
        self._certificate = certificate
        self._key = key
        self._authorities = authorities
        self._state: tuple[FileState, ...] = ()
        self._complaint = ""

    def read(self) -> grpc.ServerCertificateConfiguration:
        """The files as they are."""
        state = file_states(*self._paths())
        _check(self._certificate, self._key, self._authorities)
        pair = (self._key.read_bytes(), self._certificate.read_bytes())
        roots = self._authorities.read_bytes() if self._authorities else None
        if file_states(*self._paths()) != state:
            raise OSError("the files of the certificate were replaced while they were read")
        self._state = state
        return grpc.ssl_server_certificate_configuration([pair], root_certificates=roots)

    def changed(self) -> grpc.ServerCertificateConfiguration | None:
        """The files where they were replaced; None where they were not, or are not in order: the last ones stay."""
        try:
            if file_states(*self._paths()) == self._state:
                return None
            configuration = self.read()
        except OSError as error:
            self._complain(str(error))
            return None
        self._complaint = ""
        log("certificates read")
        return configuration

    def _complain(self, reason: str) -> None:
        """Once: this is asked at every connection."""
        if reason != self._complaint:
            log("certificates kept", logging.ERROR, reason=reason)
        self._complaint = reason

    def _paths(self) -> tuple[Path, ...]:
        return tuple(path for path in (self._certificate, self._key, self._authorities) if path is not None)


def _check(certificate: Path, key: Path, authorities: Path | None) -> None:
    """Raises OSError unless the files hold what they should: gRPC would say nothing and refuse every connection."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    for path in (certificate, key, *([authorities] if authorities else [])):
        path.stat()
    try:
        context.load_cert_chain(certificate, key, password="")
    except (ssl.SSLError, ValueError) as error:
        message = f"{certificate.name} and {key.name} are no certificate (PEM) with its key, without a password"
        raise OSError(message) from error
    if authorities:
        try:
            context.load_verify_locations(authorities)
        except (ssl.SSLError, ValueError) as error:
            raise OSError(f"{authorities.name} holds no certificates (PEM)") from error
