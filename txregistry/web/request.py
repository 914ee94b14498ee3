"""A request: dispatched at its headers, logged at its end."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast
from urllib.parse import unquote_to_bytes

from twisted.internet.interfaces import ISSLTransport
from twisted.python.failure import Failure
from twisted.web.server import Request

from txregistry.auth.interfaces import Caller, Credentials
from txregistry.model.engines import Engine, parse_engine
from txregistry.model.errors import Denied, NameInvalid, RegistryError
from txregistry.storage.evidence import Evidence
from txregistry.streams import BytesReader, IReader
from txregistry.web.body import RequestBody
from txregistry.web.dialect import (
    V1_VERSION,
    V1_VERSION_HEADER,
    V2_VERSION_HEADER,
    is_v1,
)
from txregistry.web.errors import write_error
from txregistry.web.headers import PlainHeaders
from txregistry.web.proxies import Proxies, is_host

_SAFE = frozenset({b"GET", b"HEAD", b"OPTIONS"})
_ABSOLUTE = (b"http://", b"https://")


class RegistryRequest(Request):
    """A request whose body, if it has one, is taken as it arrives.

    Attributes:
        body: The body; None where there is none.
        began: When it came, in the clock's seconds.
        speaks_v1: Whether it is answered by version 1.
        challenges: What a client is told to send, where it is refused.
        caller: Who makes it; None before anybody asked.
        passed: What it shows for another registry to judge; None where we do.
        endpoint: The name of its route; empty where it has none.
        needs: What one needs for that, as its guard says; empty where it has none.
        arguments: What its path says.
        refused: What it was told that it cannot have, or that failed; else None.
        asked: Its very words, where others may ask the same; else None.
        again: What is to be done where the same is answered again, while all that was
            looked at is the same; None where that decides too little.
        evidence: What that was; None where nothing proves it.
    """

    defaultContentType = None
    channel: Any  # a RegistryChannel; None once the client has left
    responseHeaders: PlainHeaders  # noqa: N815 - Twisted's name
    site: Any  # a RegistrySite
    body: RequestBody | None = None
    began = 0.0
    speaks_v1 = False
    challenges: Sequence[bytes] = ()
    caller: Caller | None = None
    passed: Credentials | None = None
    endpoint = ""
    needs = ""
    arguments: Mapping[str, Any] = {}
    refused: type[RegistryError] | None = None
    asked: bytes | None = None
    again: Callable[[], None] | None = None
    evidence: Evidence | None = None

    _dispatched = False
    _client_address: str | None = None
    _proxies = Proxies()

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """Dispatch the request; the second time, its body is in."""
        if self._dispatched:
            if self.body is not None:
                self.body.finish()
            return
        self._dispatched = True
        if path.startswith(_ABSOLUTE):  # RFC 9112, section 3.2.2
            _, slash, rest = path.partition(b"//")[2].partition(b"/")
            path = slash + rest or b"/"
        super().requestReceived(command, path, version)

    def process(self) -> None:
        """Find what answers the request."""
        site = self.site = self.channel.site
        self.began = site.clock.seconds()
        self._add_headers(site)
        self._proxies = site.proxies
        refusal = self._refusal()
        if refusal is not None:
            if is_v1(self.path):
                self.answer_as_v1()
            write_error(self, refusal)
            self.finish()
        elif self.path.startswith(b"/"):
            try:
                self.render(site.resource)
            except Exception:  # noqa: BLE001 - Twisted tells of it, and answers
                self.processingFailed(Failure())
        else:
            super().process()

    def _add_headers(self, site: Any) -> None:
        """Add what is on every answer; what there is already decides about it."""
        headers = site.new_headers()
        for name, values in self.responseHeaders.getAllRawHeaders():
            headers.setRawHeaders(name, values)
        self.responseHeaders = headers
        site.cors.add_headers(self)

    def spread_path(self) -> None:
        """Take the path apart, as routers that walk from part to part want it."""
        self.prepath: list[bytes] = []
        self.postpath = [unquote_to_bytes(part) for part in self.path[1:].split(b"/")]

    def _refusal(self) -> RegistryError | None:
        """Say why nothing is to be done, whatever it is; None where something is."""
        path = self.path
        path = unquote_to_bytes(path) if b"%" in path else path
        if not path.isascii() or b"\0" in path:
            return NameInvalid("A path must be of printable ASCII characters.")
        writes = self.method not in _SAFE
        from_page = writes and self.requestHeaders.hasHeader(b"origin")
        if from_page and not self.channel.site.cors.allows(self):
            # A browser shows who somebody is for whatever page they look at.
            return Denied("Pages of this origin may not write (http.cors.origins).")
        return None

    def answer_as_v1(self) -> None:
        """Take it that this is a request of version 1."""
        self.speaks_v1 = True
        self.hide_v2()
        self.responseHeaders.setRawHeaders(V1_VERSION_HEADER, [V1_VERSION])

    def hide_v2(self) -> None:
        """Leave out what says that version 2 is spoken here."""
        self.responseHeaders.removeHeader(V2_VERSION_HEADER)

    def handleContentChunk(self, data: bytes) -> None:
        """Take part of the body."""
        if self.body is None:
            super().handleContentChunk(data)
        else:
            self.body.arrived(data)

    def connectionLost(self, reason: Any) -> None:
        """Take it that nobody waits for an answer."""
        # It is none's any more that was answered before its body came.
        channel = getattr(self, "channel", None)
        # Twisted's part first: it cancels the handler, before that sees its body fail.
        super().connectionLost(reason)
        if self.body is not None:
            self.body.leave()
        if self._dispatched and not self.finished and channel is not None:
            channel.site.log_left(self)

    @property
    def client_address(self) -> str:
        """Where the client is: an IP address, or empty for what has none.

        A proxy is believed who it speaks for, if it is one of ours.
        """
        if self._client_address is None:
            peer = getattr(self.client, "host", "")
            forwarded = self._forwarded(b"x-forwarded-for") if self._proxies else ()
            self._client_address = self._proxies.client(peer, forwarded)
        return self._client_address

    @property
    def is_secure(self) -> bool:
        """Whether the client speaks TLS, to us or to a proxy of ours."""
        if self.channel is None:
            return False
        if ISSLTransport.providedBy(self.channel.transport):
            return True
        schemes = self._forwarded(b"x-forwarded-proto")
        trusted = self._proxies.trusts(getattr(self.client, "host", ""))
        return trusted and schemes[-1:] == ["https"]

    @property
    def base_url(self) -> str:
        """How clients reach the registry: a URL without a path.

        It is the settings' word, or else the client's own, to whom alone it is told.
        """
        if self.channel is None:
            return ""  # nobody is left to be told
        site = self.channel.site
        if site.base_url is not None:
            return str(site.base_url)
        host = (self.header(b"host") or "").lower()
        hosts = self._forwarded(b"x-forwarded-host")
        if hosts and self._proxies.trusts(getattr(self.client, "host", "")):
            host = hosts[-1].lower()
        if not is_host(host):
            address = self.getHost()
            host = f"{getattr(address, 'host', 'localhost')}"
            host = f"[{host}]" if ":" in host else host
            host += f":{getattr(address, 'port', 0)}"
        return f"http{'s' if self.is_secure else ''}://{host}"

    def _forwarded(self, name: bytes) -> list[str]:
        """Give all values of a header that each proxy adds to."""
        lines = self.requestHeaders.getRawHeaders(name, ())
        whole = ",".join(line.decode("latin-1") for line in lines)
        return [text.strip() for text in whole.split(",") if text.strip()]

    def getRequestHostname(self) -> bytes:  # noqa: N802 - Twisted's name
        """Give a name that is always the same.

        Nothing here depends on what the client calls us, and Klein's router fails over
        what it cannot read as a name of the DNS.
        """
        return b"registry"

    @property
    def gone(self) -> bool:
        """Whether nothing can be answered any more."""
        return self.channel is None or bool(self.finished)

    @property
    def engine(self) -> Engine:
        """Which Docker engine sent it, and where that runs, as far as it says."""
        return parse_engine(self.header(b"user-agent") or "")

    def reader(self) -> IReader:
        """Give the body to be read; an empty one where there is none."""
        return BytesReader(b"") if self.body is None else self.body

    @property
    def body_length(self) -> int | None:
        """Bytes of the body; None where only its end tells."""
        return 0 if self.body is None else self.body.length

    def header(self, name: bytes) -> str | None:
        """Give a header's first value as text."""
        values = self.requestHeaders.getRawHeaders(name)
        return None if not values else values[0].decode("latin-1")

    def query(self, name: bytes) -> str | None:
        """Give a parameter's first value as text."""
        values = self.queries(name)
        return values[0] if values else None

    def queries(self, name: bytes) -> list[str]:
        """Give all values of a parameter as text."""
        args = cast("dict[bytes, list[bytes]]", self.args)
        return [value.decode("utf-8", "replace") for value in args.get(name, ())]

    def answer(self, body: bytes) -> None:
        """Write an answer in one piece, or end one that was begun.

        Args:
            body: All of it, whose length is in the headers; empty where there is none.
        """
        channel = self.channel
        if not self.startedWriting:  # as `write` does, which looks for much more
            self.startedWriting = 1
            channel.gather()
            status = b"%d" % self.code
            channel.writeHeaders(
                self.clientproto, status, self.code_message, self.responseHeaders
            )
            if body and self.method != b"HEAD":
                channel.write(body)
                self.sentLength = len(body)
        self.finish()

    def abort(self) -> None:
        """Break the connection: what was sent so far is not to be taken for whole."""
        if self.channel is not None:
            self.channel.transport.abortConnection()
