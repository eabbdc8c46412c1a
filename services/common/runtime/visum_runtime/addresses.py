"""Which network addresses a server may read from when a caller names a host."""

import ipaddress
from typing import Any

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

_PRIVATE = tuple(
    map(
        ipaddress.ip_network,
        ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "127.0.0.0/8", "fc00::/7", "::1/128"),
    )
)
_METADATA = frozenset(
    map(ipaddress.ip_address, ("100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254", "fd20:ce::254"))
)
"""Where clouds hand out credentials, outside of the link-local networks (which are never admitted)."""
_CARRIERS_OF_IPV4 = tuple(map(ipaddress.ip_network, ("64:ff9b::/96", "64:ff9b:1::/48", "::/96")))
"""Translated (NAT64) and IPv4-compatible addresses; the last 32 bits are those of IPv4."""
_SPECIAL = frozenset(map(ipaddress.ip_address, ("::", "::1")))


def is_admitted(text: str, *, allow_private: bool) -> bool:
    """True for an address that may be read from: a public one, or a private one where that is allowed.

    Never true for link-local addresses, those where clouds hand out credentials, multicast and the unspecified
    address, in whatever form an IPv6 address holds them.

    Args:
        text: The address, as a resolver answers it.
        allow_private: Admit private networks and the loopback.
    """
    return all(_is_admitted(address, allow_private) for address in _meant(ipaddress.ip_address(text)))


def _is_admitted(address: Address, allow_private: bool) -> bool:
    if address in _METADATA or address.is_multicast or getattr(address, "is_site_local", False):
        return False
    if any(address in network for network in _PRIVATE):
        return allow_private
    return address.is_global


def _meant(address: Address) -> list[Address]:
    """The addresses that packets end at: of an IPv6 address that holds IPv4, the latter."""
    if isinstance(address, ipaddress.IPv4Address) or address in _SPECIAL:
        return [address]
    held: list[Any] = [address.ipv4_mapped, address.sixtofour, *(address.teredo or ())]
    if any(address in network for network in _CARRIERS_OF_IPV4):
        held.append(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return [found for found in held if found is not None] or [address]
