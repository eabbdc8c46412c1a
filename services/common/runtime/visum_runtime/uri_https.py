"""Reads over HTTPS from hosts that the operator allows, at addresses that are checked first."""

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

from visum_runtime.addresses import is_admitted
from visum_runtime.errors import InvalidInput
from visum_runtime.uri_files import FIELD
from visum_runtime.uris import Uri

MAX_REDIRECTS = 3
_REDIRECTS = (301, 302, 303, 307, 308)
_READ_BYTES = 1 << 16
_HEADERS = {"Accept": "image/*", "Accept-Encoding": "identity", "User-Agent": "visum"}

Resolve = Callable[..., list[tuple[Any, ...]]]
"""Finds the addresses of a host; as `socket.getaddrinfo`."""


@dataclass(frozen=True, kw_only=True)
class HttpsReader:
    """Reads what lies beneath allowed prefixes. Every redirect is held against the same rules."""

    check: Callable[[str], Uri]
    """Takes a URI apart; raises InvalidInput where it is not allowed."""
    allow_private: bool
    """Whether hosts may have private addresses."""
    context: ssl.SSLContext
    """How hosts are known."""
    seconds: float
    """Time that one read may take, redirects included."""
    resolve: Resolve = socket.getaddrinfo
    """How hosts are looked up."""

    def read(self, text: str, max_bytes: int) -> bytes:
        """What lies at a URI, at most `max_bytes`.

        Raises:
            InvalidInput: It is not allowed, cannot be reached, is not there, or is too large.
        """
        deadline = time.monotonic() + self.seconds
        try:
            for _ in range(MAX_REDIRECTS + 1):
                uri = self.check(text)
                with self._asked(uri, deadline) as response:
                    if response.status not in _REDIRECTS:
                        data = _body(response, max_bytes)
                        if time.monotonic() >= deadline:  # what is cut may look like an end
                            raise OSError("the answer was cut short")
                        return data
                    text = urljoin(text, response.headers.get("Location", ""))
        except (OSError, http.client.HTTPException) as error:
            what = "was not read in time" if time.monotonic() >= deadline else "cannot be read"
            raise InvalidInput(what, field=FIELD) from error
        raise InvalidInput(f"leads on more than {MAX_REDIRECTS} times", field=FIELD)

    @contextmanager
    def _asked(self, uri: Uri, deadline: float) -> Iterator[http.client.HTTPResponse]:
        """The answer to a request; the connection is cut at the deadline, however slowly it drips."""
        connection = http.client.HTTPSConnection(uri.host, uri.port, context=self.context)
        plain = self._connect(uri, deadline)
        # The name is what the certificate must be of; the address was checked and is not looked up again.
        host = self.context.wrap_socket(plain, server_hostname=uri.host, do_handshake_on_connect=False)
        cut = threading.Timer(max(0.0, deadline - time.monotonic()), _cut, [host])
        cut.daemon = True
        cut.start()
        try:
            host.do_handshake()
            connection.sock = host
            connection.request("GET", uri.target, headers=_HEADERS)
            yield connection.getresponse()
        finally:
            cut.cancel()
            connection.close()
            host.close()

    def _connect(self, uri: Uri, deadline: float) -> socket.socket:
        found = {answer[4][0] for answer in self.resolve(uri.host, uri.port, type=socket.SOCK_STREAM)}
        if not all(is_admitted(address, allow_private=self.allow_private) for address in found):
            raise InvalidInput("is of a host whose address is not allowed", field=FIELD)
        for last, address in enumerate(sorted(found), start=1):
            try:
                left = max(0.1, deadline - time.monotonic())
                return socket.create_connection((address, uri.port), timeout=left)
            except OSError:
                if last == len(found):
                    raise
        raise OSError("the host has no address")


def _body(response: http.client.HTTPResponse, max_bytes: int) -> bytes:
    if response.status != http.client.OK:
        raise InvalidInput(f"was answered with status {response.status}", field=FIELD)
    data = bytearray()
    while block := response.read(_READ_BYTES):
        data += block
        if len(data) > max_bytes:
            raise InvalidInput(f"has more than {max_bytes} bytes", field=FIELD)
    if response.length:
        raise OSError("the answer was cut short")
    return bytes(data)


def _cut(host: ssl.SSLSocket) -> None:
    with suppress(OSError):
        socket.socket.shutdown(host, socket.SHUT_RDWR)
