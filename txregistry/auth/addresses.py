"""Where somebody asks from, and networks.

Source: RFC 4291, section 2.5.5.2, for IPv4 addresses that are written as IPv6.
"""

from collections.abc import Iterable
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_MAPPED: Final = IPv6Network("::ffff:0:0/96")
_LONGEST: Final = 100
"""Characters in an address that is worth reading: some name an interface besides."""

_SITE_BITS: Final = 48
"""Bits of an IPv6 address that a whole site has alike: one person may have it all."""

_BITS: Final = 64
"""Bits of an IPv6 address that tell one household from another: who has one address has
all that begin so."""


@lru_cache(maxsize=1024)
def parse_address(text: str) -> Address | None:
    """Read an address; None for what is none.

    One of IPv4 that is written as IPv6 is one of IPv4.
    """
    if len(text) > _LONGEST:
        return None
    try:
        found = ip_address(text)
    except ValueError:
        return None
    if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
        return found.ipv4_mapped
    return found


def plain_network(network: Network) -> Network:
    """Write a network of IPv4 addresses that is written as IPv6 as one of IPv4."""
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        mapped = network.network_address.ipv4_mapped
        bits = network.prefixlen - _MAPPED.prefixlen
        return ip_network(f"{mapped}/{bits}")
    return network


def is_within(address: Address | None, networks: Iterable[Network]) -> bool:
    """Say whether an address is in one of some networks; an unknown one is in none."""
    return address is not None and any(address in network for network in networks)


def origin(text: str, bits: int = _BITS) -> str:
    """Name all the addresses that somebody has who has this one.

    Args:
        text: The address.
        bits: How many of an IPv6 address count.

    Returns:
        An address of IPv4; for IPv6 its network; and what was given for what is no
        address, so that all who are unknown come from one place.
    """
    address = parse_address(text)
    if isinstance(address, IPv6Address):
        return str(IPv6Network((int(address), bits), strict=False))
    return text[:_LONGEST] if address is None else str(address)


def site(text: str) -> str:
    """Name all the addresses that somebody may have who has this one."""
    return origin(text, _SITE_BITS)
