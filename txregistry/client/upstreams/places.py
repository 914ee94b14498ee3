"""Where something is on the web: URLs that are understood in one way only.

Source: RFC 3986, in the narrowest sense: what another parser could read otherwise is no
URL here.
"""

import re
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv6Address
from typing import Final
from urllib.parse import urljoin

LONGEST: Final = 8192
"""Characters in a URL."""

_PORTS: Final = {"http": 80, "https": 443}
_URL: Final = re.compile(
    r"(https?)://([^/?#]+)([^#]*)(?:#.*)?", re.ASCII | re.IGNORECASE
)
_VISIBLE: Final = re.compile(r"[!-~]+", re.ASCII)
_NETLOC: Final = re.compile(
    r"(?:\[([0-9a-f:.]{2,45})\]|([a-z0-9_](?:[a-z0-9._-]{0,252}[a-z0-9_])?\.?))"
    r"(?::([0-9]{1,5}))?",
    re.ASCII,
)
_HIGHEST_PORT: Final = 65535


@dataclass(frozen=True, slots=True)
class Place:
    """A URL, taken apart.

    Attributes:
        scheme: ``http`` or ``https``.
        host: A name in small letters, or an address; one of IPv6 without brackets.
        port: The port.
        target: The path, and a query where there is one.
    """

    scheme: str
    host: str
    port: int
    target: str

    @classmethod
    def parse(cls, text: str) -> "Place":
        """Read a URL; what is for a browser only, after ``#``, is left out.

        Raises:
            ValueError: it is none of this kind, or has credentials in it.
        """
        match = _URL.fullmatch(text) if len(text) <= LONGEST else None
        if match is None or _VISIBLE.fullmatch(text) is None or "\\" in text:
            raise ValueError("This is no URL of http or https.")
        scheme, target = match[1].lower(), match[3]
        found = _NETLOC.fullmatch(match[2].lower())
        if found is None:
            raise ValueError("The URL has no host, or more than a host and a port.")
        port = int(found[3]) if found[3] else _PORTS[scheme]
        if not 1 <= port <= _HIGHEST_PORT:
            raise ValueError("The URL has a port that there cannot be.")
        if not target.startswith("/"):
            target = f"/{target}"
        return cls(scheme, _address(found[1]) or found[2], port, target)

    @property
    def origin(self) -> tuple[str, str, int]:
        """Who is asked there: two that are equal are one server."""
        return self.scheme, self.host, self.port

    @property
    def authority(self) -> str:
        """Host and port, as they stand in a URL."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    def __str__(self) -> str:
        """Write the URL. What follows a ``?`` may be a secret."""
        return f"{self.scheme}://{self.authority}{self.target}"

    @property
    def shown(self) -> str:
        """The server's URL, which is no secret."""
        return f"{self.scheme}://{self.authority}"

    def at(self, target: str) -> "Place":
        """Give another place on the same server."""
        return Place(self.scheme, self.host, self.port, target)

    def follow(self, location: str) -> "Place":
        """Give the place that an answer from here points at.

        Raises:
            ValueError: there is none.
        """
        if len(location) > LONGEST or _VISIBLE.fullmatch(location) is None:
            raise ValueError("The reference is no URL.")
        return Place.parse(urljoin(str(self), location))

    @property
    def query(self) -> str:
        """What follows the first ``?``."""
        return self.target.partition("?")[2]


def _address(text: str | None) -> str | None:
    """Write an IPv6 address in the one way that is usual."""
    if text is None:
        return None
    try:
        return str(IPv6Address(text))
    except AddressValueError:
        raise ValueError("The URL has an address that there cannot be.") from None


def parse_home(url: str) -> Place:
    """Read where an upstream is.

    Raises:
        ValueError: it is no URL of a server, and maybe a path.
    """
    home = Place.parse(url)
    if "?" in home.target or "#" in url:
        raise ValueError("The URL has more than a host and a path.")
    return home
