"""Go's HTTP client as engines set it up: redirects, cookies, and a trace of it all."""

import ssl
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace

from tests.integration.engines.connection import Header, Reply, Request, Url, exchange
from tests.integration.engines.cookies import CookieJar
from tests.integration.engines.errors import EngineError, Unreachable
from tests.integration.engines.hello import say_hello
from tests.integration.engines.releases import Release
from tests.integration.engines.trace import REFUSED, Step, kind_of

_REDIRECTS = 10
"""How many redirects are followed; some releases would follow any number."""

_FOLLOWED = {
    "GET": (301, 302, 303, 307),
    "HEAD": (301, 302, 303, 307),
    "PUT": (302, 303),
    "POST": (302, 303),
}
"""The statuses at which Go up to 1.7 asks again, with GET, by the method at first."""


@dataclass(frozen=True)
class Ask:
    """What is asked, before a client adds its own to it.

    Attributes:
        method: The method.
        url: Where.
        headers: Headers of this request.
        authorization: The value of ``Authorization``; "" for none.
        body: The body that is sent with its length.
        chunks: The body that is sent in chunks.
        named: Whether the engine says who it is; else Go does.
        lasting: Whether the connection may stay open.
    """

    method: str
    url: Url
    headers: tuple[Header, ...] = ()
    authorization: str = ""
    body: bytes | None = None
    chunks: tuple[bytes, ...] | None = None
    named: bool = True
    lasting: bool = False


def _ignore(_: Reply) -> None:
    """Take no notice of an answer."""


class Caller:
    """An HTTP client.

    Args:
        release: The engine's release.
        tls: What TLS is spoken with; None on an insecure registry, where TLS is tried
            but not found.
        trace: Where all requests are written down.
        jar: Where cookies are kept; None to keep none.
        copies: Whether redirected requests get the headers of the first.
    """

    def __init__(
        self,
        release: Release,
        tls: ssl.SSLContext | None,
        trace: list[Step],
        *,
        jar: CookieJar | None = None,
        copies: bool = True,
    ) -> None:
        self._release = release
        self._tls = tls
        self._trace = trace
        self._jar = jar
        self._copies = copies and release.copies_headers

    def call(self, ask: Ask, heard: Callable[[Reply], None] = _ignore) -> Reply:
        """Ask, and ask on where redirects lead.

        Args:
            ask: What is asked.
            heard: Is given the first answer, even if that is a redirect.

        Raises:
            Unreachable: there was no answer.
        """
        first = self._request(ask)
        reply, request = self._exchange(first), first
        heard(reply)
        for _ in range(_REDIRECTS):
            if reply.status not in _FOLLOWED[first.method]:
                return reply
            location = reply.header("Location")
            reply.close()
            if not location:
                raise EngineError(f"{reply.status} response missing Location header")
            request = self._follow(first, request.url, request.url.join(location))
            reply = self._exchange(request)
        reply.close()
        raise EngineError(f"stopped after {_REDIRECTS} redirects")

    def _request(self, ask: Ask) -> Request:
        release = self._release
        headers = [
            ("User-Agent", release.user_agent if ask.named else release.go_agent),
            *ask.headers,
        ]
        if ask.authorization:
            headers.append(("Authorization", ask.authorization))
        return Request(
            ask.method,
            ask.url,
            tuple(headers),
            body=ask.body,
            chunks=ask.chunks,
            lasting=ask.lasting,
        )

    def _follow(self, first: Request, last: Url, url: Url) -> Request:
        kept: Iterable[Header] = (
            pair
            for pair in first.headers
            if pair[0] == "User-Agent" or (self._copies and pair[0] != "Authorization")
        )
        headers = list(kept)
        if not (last.scheme == "https" and url.scheme == "http"):
            headers.append(("Referer", str(last)))
        method = "HEAD" if first.method == "HEAD" else "GET"
        return Request(method, url, tuple(headers), lasting=first.lasting)

    def _exchange(self, request: Request) -> Reply:
        """Ask one server once, with what the jar has for it."""
        url = request.url
        if url.scheme == "https" and self._tls is None:
            self._write("HELLO", request, REFUSED)
            say_hello(url.address)
            raise Unreachable("TLS is not spoken there")
        secure = url.scheme == "https"
        if self._jar is not None:
            cookie = self._jar.header(url.name, url.target, secure=secure)
            if cookie:
                headers = (*request.headers, ("Cookie", cookie))
                request = replace(request, headers=headers)
        try:
            reply = exchange(request, self._tls)
        except Unreachable:
            self._write(request.method, request, REFUSED)
            raise
        self._write(request.method, request, reply.status)
        if self._jar is not None:
            for line in reply.values("Set-Cookie"):
                self._jar.keep(url.name, url.target, line)
        return reply

    def _write(self, method: str, request: Request, status: int) -> None:
        header = request.header("Authorization")
        url = request.url
        self._trace.append(
            Step(method, url.target, kind_of(header), status, url.host, header)
        )
