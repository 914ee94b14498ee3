"""Where on the network an upstream is, and where it may send us.

Whoever can have us ask for any URL can have us ask what is behind our firewall, on our
own machine, or at the address at which a cloud tells a machine its secrets. So what is
looked at is the address that is connected to, not the name it was found by.
"""

from enum import IntEnum
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final


class Whither(IntEnum):
    """Kinds of addresses."""

    PUBLIC = 0
    """Anywhere on the internet."""
    PRIVATE = 1
    """On a network of somebody's own."""
    LOOPBACK = 2
    """On this machine."""
    LINK = 3
    """On the same cable, where clouds also keep what a machine is told of itself."""
    NOWHERE = 4
    """No address of one server."""


_NAT64: Final = IPv6Network("64:ff9b::/96")
_COMPATIBLE: Final = IPv6Network("::/96")
_OF_CLOUDS: Final = frozenset(
    {IPv4Address("168.63.129.16"), IPv4Address("192.0.0.192")}
)
"""Where Azure and Oracle tell a machine what it is: they look like any others."""

_NEAR: Final = {
    Whither.PUBLIC: frozenset[Whither](),
    Whither.PRIVATE: frozenset({Whither.PRIVATE}),
    Whither.LOOPBACK: frozenset({Whither.PRIVATE, Whither.LOOPBACK}),
    Whither.LINK: frozenset({Whither.LINK}),
    Whither.NOWHERE: frozenset[Whither](),
}
"""Where else an upstream may send us, by where it is itself."""

_LONGEST: Final = 100
_OUR_OWN: Final = "localhost"


def whither(address: str) -> Whither:
    """Say of what kind an address is; text that is none leads nowhere."""
    try:
        found = ip_address(address) if len(address) <= _LONGEST else None
    except ValueError:
        found = None
    return Whither.NOWHERE if found is None else _kind(found)


def _kind(address: IPv4Address | IPv6Address) -> Whither:
    inner = _inner(address)
    if inner is not None:
        return _kind(inner)
    if address.is_unspecified or address.is_multicast:
        return Whither.NOWHERE
    if address.is_loopback:
        return Whither.LOOPBACK
    if address.is_link_local or address in _OF_CLOUDS:
        return Whither.LINK
    return Whither.PUBLIC if address.is_global else Whither.PRIVATE


def _inner(address: IPv4Address | IPv6Address) -> IPv4Address | None:
    """Give the IPv4 address that packets to an IPv6 address go to in the end."""
    if isinstance(address, IPv4Address):
        return None
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    bare = IPv6Address(int(address))  # without the name of an interface
    if bare in _NAT64 or (bare in _COMPATIBLE and int(bare) > 1):
        return IPv4Address(int(bare) & 0xFFFFFFFF)
    return None


class Strayed(Exception):
    """Somebody sent us to an address where we do not go."""


class Whereabouts:
    """Know where an upstream is, and so where it may send us.

    Args:
        host: The upstream's own host.
        allow_private: Whether it may send us anywhere.
    """

    def __init__(self, host: str, *, allow_private: bool) -> None:
        self._allow_private = allow_private
        self._near = kind_of_host(host)

    def note(self, address: str) -> None:
        """Take in that the upstream was reached at an address.

        An upstream with several is where most others can be too: it shall not get to
        our own network by saying now and then that it is there.
        """
        found = whither(address)
        self._near = found if self._near is None else min(self._near, found)

    def allows(self, address: str) -> bool:
        """Say whether the upstream may send us to an address."""
        return self._allows(whither(address))

    def allows_host(self, host: str) -> bool:
        """Say whether it may send us to a host whose address somebody else finds."""
        found = kind_of_host(host)
        return found is None or self._allows(found)

    def _allows(self, found: Whither) -> bool:
        if found is Whither.PUBLIC:
            return True
        if found is Whither.NOWHERE:
            return False
        near = Whither.PUBLIC if self._near is None else self._near
        return self._allow_private or found in _NEAR[near]


def kind_of_host(host: str) -> Whither | None:
    """Say where a host is whose name tells it; None where it does not."""
    name = host.rstrip(".").lower()
    if name == _OUR_OWN or name.endswith(f".{_OUR_OWN}"):
        return Whither.LOOPBACK
    found = whither(host)
    return None if found is Whither.NOWHERE and not _looks_numeric(name) else found


def _looks_numeric(name: str) -> bool:
    """Whether resolvers could take a name for an address: ``127.1``, ``0x7f000001``."""
    last = name.rpartition(".")[2]
    return last.isdigit() or last.startswith("0x") or ":" in name
