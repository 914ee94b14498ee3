"""A request: dispatched at its headers, logged at its end."""

from typing import Any, cast
from urllib.parse import unquote_to_bytes

from twisted.web.server import Request

from txregistry.model.engines import Engine, parse_engine
from txregistry.model.errors import NameInvalid
from txregistry.streams import BytesReader, IReader
from txregistry.web.body import RequestBody
from txregistry.web.dialect import (
    V1_VERSION,
    V1_VERSION_HEADER,
    V2_VERSION_HEADER,
    is_v1,
)
from txregistry.web.errors import write_error

_ABSOLUTE = (b"http://", b"https://")


class RegistryRequest(Request):
    """A request whose body, if it has one, is taken as it arrives.

    Attributes:
        body: The body; None where there is none.
        began: When it came, in the clock's seconds.
        speaks_v1: Whether it is answered by version 1.
        challenge: What a client of version 1 is told to send, where it is refused.
    """

    defaultContentType = None
    channel: Any  # a RegistryChannel; None once the client has left
    body: RequestBody | None = None
    began = 0.0
    speaks_v1 = False
    challenge = b"Token"

    _dispatched = False

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
        self.began = self.channel.site.clock.seconds()
        for name, values in self.channel.site.headers:
            self.responseHeaders.setRawHeaders(name, values)
        path = unquote_to_bytes(self.path)
        if not path.isascii() or b"\0" in path:
            if is_v1(self.path):
                self.answer_as_v1()
            write_error(
                self, NameInvalid("A path must be of printable ASCII characters.")
            )
            self.finish()
            return
        super().process()

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
        channel = self.channel
        # Twisted's part first: it cancels the handler, before that sees its body fail.
        super().connectionLost(reason)
        if self.body is not None:
            self.body.leave()
        if self._dispatched and not self.finished and channel is not None:
            channel.site.log_left(self)

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

    def abort(self) -> None:
        """Break the connection: what was sent so far is not to be taken for whole."""
        if self.channel is not None:
            self.channel.transport.abortConnection()
