"""Which web pages of elsewhere may ask, in somebody's browser.

Source: Fetch, "CORS protocol".
"""

from collections.abc import Iterable
from typing import Any, Final

_EXPOSED: Final = (
    "Content-Length, Content-Range, Docker-Content-Digest, ETag, Link, Location, "
    "OCI-Subject, Range, WWW-Authenticate"
)
_ASKED: Final = (
    "Accept, Authorization, Cache-Control, Content-Range, Content-Type, "
    "If-None-Match, Range"
)
_PORTS: Final = {"http": ":80", "https": ":443"}
"""Left out in the origins of pages."""


class Cors:
    """Let pages of some origins read what is answered.

    Args:
        origins: Theirs, as ``https://ui.example``; ``*`` for all.
        credentials: Whether the browser may send who somebody is, such as their client
            certificate.
        max_age: Seconds for which browsers remember what may be asked.
    """

    def __init__(
        self,
        origins: Iterable[str] = (),
        *,
        credentials: bool = False,
        max_age: float = 600,
    ) -> None:
        self._origins = frozenset(map(_as_browsers_write, origins))
        self._credentials = credentials
        self._max_age = int(max_age)

    def add_headers(self, request: Any) -> None:
        """Say in an answer who may read it."""
        headers = request.responseHeaders
        if self._origins and "*" not in self._origins:
            headers.addRawHeader("vary", "Origin")  # also where a page may not read it
        origin = self._allowed(request)
        if origin is None:
            return
        headers.setRawHeaders("access-control-allow-origin", [origin])
        headers.setRawHeaders("access-control-expose-headers", [_EXPOSED])
        if self._credentials:
            headers.setRawHeaders("access-control-allow-credentials", ["true"])

    def answer_preflight(self, request: Any, methods: str) -> None:
        """Say what may be asked; the headers of `add_headers` are there already."""
        if self._allowed(request) is None:
            return
        headers = request.responseHeaders
        headers.setRawHeaders("access-control-allow-methods", [methods])
        headers.setRawHeaders("access-control-allow-headers", [_ASKED])
        headers.setRawHeaders("access-control-max-age", [str(self._max_age)])

    def allows(self, request: Any) -> bool:
        """Say whether the page that asks may."""
        return self._allowed(request) is not None

    def _allowed(self, request: Any) -> str | None:
        """Give the origin that is to be named; None where the page may not read."""
        if not self._origins:
            return None
        if "*" in self._origins:
            return "*"
        values = request.requestHeaders.getRawHeaders("origin", ())
        allowed = len(values) == 1 and values[0].lower() in self._origins
        return str(values[0]) if allowed else None


def _as_browsers_write(origin: str) -> str:
    plain = origin.rstrip("/").lower()
    return plain.removesuffix(_PORTS.get(plain.partition(":")[0], ""))
