"""The proxies in front of us: whose word on who asks is taken.

Source: RFC 7239 for what these headers are about; their names are older.
"""

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final

from txregistry.auth.addresses import Network, is_within, parse_address, plain_network

_HOST: Final = re.compile(
    r"(?:[a-z0-9_](?:[a-z0-9._-]{0,252}[a-z0-9_.])?|\[[0-9a-f:.]{2,45}\])"
    r"(?::[0-9]{1,5})?",
    re.ASCII,
)
_WITH_PORT: Final = re.compile(r"\[([^\[\]]*)\](?::[0-9]+)?|([0-9.]+):[0-9]+", re.ASCII)
"""How some proxies write an address."""


class Proxies:
    """Take the word of some peers on whom they speak for, and of nobody else.

    Args:
        networks: Where they are.
    """

    def __init__(self, networks: Iterable[Network] = ()) -> None:
        self._networks = tuple(map(plain_network, networks))

    def __bool__(self) -> bool:
        """Say whether there are any."""
        return bool(self._networks)

    def trusts(self, peer: str) -> bool:
        """Say whether the word of a peer is taken."""
        return bool(self._networks) and is_within(parse_address(peer), self._networks)

    def client(self, peer: str, forwarded: Sequence[str]) -> str:
        """Find out who asks.

        Args:
            peer: Whose connection it is: an IP address, or empty.
            forwarded: For whom, as each proxy on the way has added at the end.

        Returns:
            The last address that is not one of ours.
        """
        found = _spell(peer)
        for text in reversed(forwarded):
            if not self.trusts(found):
                break
            match = _WITH_PORT.fullmatch(text)
            address = parse_address(match[match.lastindex or 0] if match else text)
            if address is None:
                break
            found = str(address)
        return found


@lru_cache(maxsize=1024)
def _spell(peer: str) -> str:
    """Write an address as all are written here; empty for what is none."""
    own = parse_address(peer)
    return "" if own is None else str(own)


def is_host(text: str) -> bool:
    """Say whether a text can be a host, and maybe a port, in lower case."""
    return _HOST.fullmatch(text) is not None
