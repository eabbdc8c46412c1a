"""A name server for tests, and the addresses that a headless service has behind its name."""

from collections.abc import Iterator
from contextlib import contextmanager

from dnslib import QTYPE, RR, A
from dnslib.dns import DNSRecord
from dnslib.server import BaseResolver, DNSHandler, DNSLogger, DNSServer


class HeadlessName(BaseResolver):
    """One name with an address for each ready replica."""

    def __init__(self) -> None:
        self.addresses: list[str] = []
        self.port = 0
        self.questions = 0

    def target(self, service_port: int) -> str:
        """What a client dials."""
        return f"dns://127.0.0.1:{self.port}/visum-mask.test:{service_port}"

    def resolve(self, request: DNSRecord, handler: DNSHandler) -> DNSRecord:
        self.questions += 1
        reply = request.reply()
        if request.q.qtype == QTYPE.A:
            for address in self.addresses:
                reply.add_answer(RR(request.q.qname, QTYPE.A, rdata=A(address), ttl=0))
        return reply


@contextmanager
def served_name(*addresses: str) -> Iterator[HeadlessName]:
    """A name that a real name server on the loopback answers; its addresses may change."""
    name = HeadlessName()
    name.addresses = list(addresses)
    server = DNSServer(name, address="127.0.0.1", port=0, logger=DNSLogger("-request,-reply,-truncated,-error"))
    name.port = server.server.server_address[1]
    server.start_thread()
    try:
        yield name
    finally:
        server.stop()
        server.server.server_close()
