"""Proxies between us and an upstream."""

import base64
import re
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote

from txregistry.client.upstreams.places import Place

_USER: Final = re.compile(r"(https?://)([^/?#@]*)@(.*)", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy.

    Attributes:
        place: Where it is.
        authorization: What it is shown of who we are; empty for nothing.
    """

    place: Place
    authorization: str = field(default="", repr=False)

    @classmethod
    def parse(cls, text: str) -> "Proxy":
        """Read the URL of a proxy: ``http://user:password@host:3128``.

        Raises:
            ValueError: it is none.
        """
        match = _USER.fullmatch(text)
        shown = ""
        if match is not None:
            text = match[1] + match[3]
            user, _, password = match[2].partition(":")
            pair = f"{unquote(user)}:{unquote(password)}".encode()
            shown = f"Basic {base64.b64encode(pair).decode()}"
        place = Place.parse(text)
        if place.target != "/":
            raise ValueError("The URL of a proxy has no path.")
        return cls(place, shown)
