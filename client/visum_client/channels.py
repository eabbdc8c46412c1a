"""Where services are, and one gRPC channel to each."""

import json
import re

import grpc

from visum_client.credentials import Credentials
from visum_client.errors import InvalidInputError
from visum_client.methods import SERVICES

MAX_MESSAGE_BYTES = 16 << 20
"""Largest message that the client takes."""
SPREADING_SCHEME = "dns:"
"""Addresses of this scheme may stand for several replicas."""
KEEPALIVE_MS = 20_000
"""How often a connection is asked for a sign of life, and how long one may take: a host that is gone says nothing."""
_RESOLUTION_MS = 2_000
_ATTEMPTS = 5
_FIRST_BACKOFF = "0.2s"
_LONGEST_BACKOFF = "3s"
_NEXT_SERVICE = re.compile(r",(?=\s*[a-z]+=)")


def parse_addresses(text: str) -> dict[str, str]:
    """Reads `mask=host:port,proposals=host:port,...` into addresses by service.

    An address is anything gRPC takes as a target; `dns:///name:port` spreads calls over all replicas behind a name.

    Raises:
        InvalidInputError: Not of that form, or a service is unknown or named twice.
    """
    addresses: dict[str, str] = {}
    for entry in _NEXT_SERVICE.split(text.strip()):
        service, _, address = (part.strip() for part in entry.partition("="))
        if service not in SERVICES or not address:
            known = ",".join(f"{name}=host:port" for name in SERVICES)
            raise InvalidInputError(f"{entry!r} is not understood; expected {known}", "services")
        if service in addresses:
            raise InvalidInputError(f"{service} is named twice", "services")
        addresses[service] = address
    return addresses


def format_addresses(addresses: dict[str, str]) -> str:
    """The text that `parse_addresses` reads."""
    return ",".join(f"{service}={address}" for service, address in addresses.items())


def open_channel(address: str, credentials: Credentials | None = None) -> grpc.aio.Channel:
    """A channel that spreads calls over all replicas and tries again where none answered.

    Args:
        address: A target of gRPC.
        credentials: How client and service know each other; None: they do not, and speak plain text.
    """
    options = [
        ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
        ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
        ("grpc.service_config", _service_config()),
        ("grpc.max_reconnect_backoff_ms", 5_000),
        ("grpc.use_local_subchannel_pool", 1),
        ("grpc.keepalive_time_ms", KEEPALIVE_MS),
        ("grpc.keepalive_timeout_ms", KEEPALIVE_MS),
        ("grpc.http2.ping_timeout_ms", KEEPALIVE_MS),
        # Servers renew connections so that clients look for new replicas: gRPC's pause of 30 s would delay them.
        ("grpc.dns_min_time_between_resolutions_ms", _RESOLUTION_MS),
    ]
    if credentials is None:
        return grpc.aio.insecure_channel(address, options=options)
    return grpc.aio.secure_channel(address, credentials.for_channel(), options=options)


def _service_config() -> str:
    retry = {
        "maxAttempts": _ATTEMPTS,
        "initialBackoff": _FIRST_BACKOFF,
        "maxBackoff": _LONGEST_BACKOFF,
        "backoffMultiplier": 2,
        "retryableStatusCodes": ["UNAVAILABLE"],
    }
    methods = [{"name": [{}], "retryPolicy": retry}]
    return json.dumps({"loadBalancingConfig": [{"round_robin": {}}], "methodConfig": methods})
