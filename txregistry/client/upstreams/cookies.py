"""Cookies of one server, which are sent back to nobody else.

Registries up to 0.6.2 took a token once, and then the cookie that they had given for
it; what balances their load may want its own back as well.

Sources: Docker Registry API v1, "Single use, and the session cookie"; RFC 6265.
"""

import re
from typing import Final

from twisted.internet.defer import Deferred
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IBodyProducer, IResponse
from zope.interface import implementer

from txregistry.client.upstreams.places import Place

_MOST: Final = 8
"""Cookies that are kept."""
_COOKIE: Final = re.compile(
    r"[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]{1,128})=([!-:<-~]{0,4096})[ \t]*(;.*)?",
    re.ASCII,
)
_PATH: Final = re.compile(r";[ \t]*path=([!-:<-~]*)", re.ASCII | re.IGNORECASE)
_OVER: Final = re.compile(r";[ \t]*max-age=(?:0|-)", re.ASCII | re.IGNORECASE)


@implementer(IAgent)
class CookieAgent:
    """Make requests, and send a server the cookies that it set.

    They go with a token only, so where that does not go they do not either: who was
    once sent elsewhere comes back as a stranger.

    Args:
        agent: Makes requests.
        place: The server.
    """

    def __init__(self, agent: IAgent, place: Place) -> None:
        self._agent = agent
        self._origin = place.origin
        self._cookies: dict[str, tuple[str, str]] = {}

    def request(
        self,
        method: bytes,
        uri: bytes,
        headers: Headers | None = None,
        bodyProducer: IBodyProducer | None = None,
    ) -> Deferred[IResponse]:
        """See ``IAgent``."""
        place = Place.parse(uri.decode("ascii"))
        at_home = place.origin == self._origin
        if at_home and headers is not None and headers.hasHeader(b"authorization"):
            pairs = [
                f"{name}={value}"
                for name, (value, path) in self._cookies.items()
                if place.target.startswith(path)
            ]
            if pairs:
                headers = headers.copy()
                headers.setRawHeaders(b"cookie", ["; ".join(pairs).encode("ascii")])
        asked: Deferred[IResponse] = self._agent.request(
            method, uri, headers, bodyProducer
        )
        return asked.addCallback(self._take) if at_home else asked

    def _take(self, response: IResponse) -> IResponse:
        for raw in response.headers.getRawHeaders(b"set-cookie") or []:
            match = _COOKIE.fullmatch(raw.decode("latin-1"))
            if match is None:
                continue
            name, value, more = match.groups(default="")
            path = _PATH.search(more)
            self._cookies.pop(name, None)
            if value and _OVER.search(more) is None and len(self._cookies) < _MOST:
                self._cookies[name] = (value, path[1] if path else "/")
        return response
