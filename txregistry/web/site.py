"""The site: makes connections, watches over them, and writes the access log."""

import time
from collections.abc import Callable, Mapping, Sequence
from io import BytesIO
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger, LogLevel, globalLogPublisher
from twisted.web import server
from twisted.web.http import datetimeToString
from twisted.web.http_headers import Headers
from twisted.web.resource import IResource
from twisted.web.server import Site

from txregistry.model.printable import printable
from txregistry.web.channel import RegistryChannel
from txregistry.web.connections import Connections
from txregistry.web.cors import Cors
from txregistry.web.headers import PlainHeaders
from txregistry.web.proxies import Proxies
from txregistry.web.refusals import COMMON_HEADERS
from txregistry.web.remembered import Remembered
from txregistry.web.request import RegistryRequest

_SWEEP: Final = 5.0
_MOST: Final = 128 * 1024
_LEAST: Final = 64 * 1024
_SHARED: Final = 1024 * 1024
"""Bytes of all bodies together that wait in memory, as long as each has its least. A
body takes up to four times its share: what waits, a read of the socket that came on
top, and as much as that in the hands of who hashes and writes it. Larger shares did not
make pushes cheaper: where much comes, threads read it for themselves."""

_LINE: Final = {
    "log_namespace": "txregistry.access",
    "log_level": LogLevel.info,
    "log_format": "{access}",
    "log_logger": Logger(namespace="txregistry.access"),
    "log_source": None,
}
"""What ``Logger.info`` would say of a line of the access log; it takes its time."""


class RegistrySite(Site):
    """Serve a registry over HTTP/1.1.

    Args:
        resource: What answers.
        clock: Tells the time.
        idle: Seconds that a client may be silent, between requests or within a body.
        header_time: Seconds in which a request's headers must be complete, however
            slowly they drip in.
        stall: Seconds without progress after which a download is broken off.
        access_log: Whether each request leaves a line.
        headers: Further headers for every response.
        proxies: Whose word on who asks is taken.
        base_url: How clients reach the registry, without a path; None where they say
            it themselves.
        cors: Which web pages of elsewhere may ask.
        audit: Is told of each request that was answered.
        connections: Counts those that there are; None where there may be any number.
    """

    protocol = RegistryChannel  # type: ignore[assignment]  # one that never speaks h2
    requestFactory = RegistryRequest
    displayTracebacks = False

    _log = Logger()

    setting = "http.listen"
    """The setting that says where it is served."""

    def __init__(
        self,
        resource: IResource,
        clock: IReactorTime,
        *,
        idle: float = 60.0,
        header_time: float = 30.0,
        stall: float = 60.0,
        access_log: bool = True,
        headers: Mapping[str, Sequence[str]] | None = None,
        proxies: Proxies | None = None,
        base_url: str | None = None,
        cors: Cors | None = None,
        audit: Callable[[RegistryRequest, int], None] | None = None,
        connections: Connections | None = None,
    ) -> None:
        super().__init__(
            resource,
            requestFactory=RegistryRequest,
            timeout=idle,
            reactor=clock,
            parsePOSTFormSubmission=False,
        )
        self.clock = clock
        self.channels: set[RegistryChannel] = set()
        self.draining = False
        self.proxies = proxies or Proxies()
        self.base_url = base_url
        self.cors = cors or Cors()
        self.connections = connections
        self._audit = audit
        self.receiving = 0
        common = Headers({b"Server": [server.version], **_as_bytes(COMMON_HEADERS)})
        for name, values in _as_bytes(headers or {}).items():
            common.setRawHeaders(name, values)
        self._headers = [(name, [*each]) for name, each in common.getAllRawHeaders()]
        self.remembered = Remembered()
        self._date = b""
        self._dated = -1
        self._access_log = access_log
        self._drained: Deferred[None] | None = None
        self._header_time = header_time
        self._stall = stall
        self._sweeping = LoopingCall(self.sweep)
        self._sweeping.clock = clock

    def startFactory(self) -> None:
        """Begin to watch over connections."""
        super().startFactory()
        if not self._sweeping.running:
            _ = self._sweeping.start(_SWEEP, now=False)

    def stopFactory(self) -> None:
        """End to watch over connections."""
        if self._sweeping.running:
            self._sweeping.stop()
        super().stopFactory()

    def acceptableProtocols(self) -> list[bytes]:
        """Say what TLS may negotiate: bodies of HTTP/2 cannot be streamed here."""
        return [b"http/1.1"]

    def getContentFile(self, length: int | None) -> BytesIO:  # noqa: N802 - Twisted's name
        """Give a place for a body, to which nothing comes: it is taken as it arrives.

        Twisted would open a temporary file for each that is large or chunked.
        """
        del length
        return BytesIO()

    def new_headers(self) -> PlainHeaders:
        """Give the headers that every response begins with."""
        headers = PlainHeaders({name: [*values] for name, values in self._headers})
        headers.put(b"Date", self.date())
        return headers

    def date(self) -> bytes:
        """Give the date as responses say it."""
        now = int(self.clock.seconds())
        if now != self._dated:
            self._dated, self._date = now, datetimeToString()
        return self._date

    def share(self) -> int:
        """Say how many bytes of a body may wait in memory: fewer, the more bodies."""
        return min(_MOST, max(_LEAST, _SHARED // max(1, self.receiving)))

    async def drain(self, patience: float) -> None:
        """Let requests finish, then break off those that have not."""
        self.draining = True
        for channel in list(self.channels):
            channel.leave_if_idle()
        if self.channels:
            self._drained = Deferred()
            timer = self.clock.callLater(patience, self._break_off)
            await self._drained
            if timer.active():
                timer.cancel()

    def forget(self, channel: RegistryChannel) -> None:
        """Take it that a connection is gone."""
        self.channels.discard(channel)
        drained = self._drained
        if drained is not None and not self.channels and not drained.called:
            drained.callback(None)

    def _break_off(self) -> None:
        for channel in list(self.channels):
            channel.abort()

    def sweep(self) -> None:
        """Break off connections whose headers, or whose reader, take too long."""
        now = self.clock.seconds()
        for channel in list(self.channels):
            slow = _since(channel.headers_since, now) > self._header_time
            if slow or _since(channel.sending_since, now) > self._stall:
                self._log.info(
                    "{peer} was too slow to {what}",
                    peer=channel.transport.getPeer(),
                    what="send its headers" if slow else "take its answer",
                )
                channel.abort()

    def log(self, request: Any) -> None:
        """Write the access line of a request that was answered."""
        self._line(request, request.code)

    def log_left(self, request: RegistryRequest) -> None:
        """Write the access line of a request whose client left before its end."""
        self._line(request, 499)

    def _line(self, request: RegistryRequest, status: int) -> None:
        if self._audit is not None:
            self._audit(request, status)
        if not self._access_log:
            return
        # The query stays out: clients put secrets there. The text is made here, in one
        # piece, as this is done for every request; the fields are for other formats.
        peer = request.client_address or "-"
        who = "" if request.caller is None else request.caller.identity.name
        method = request.method.decode("latin-1")
        path = _printable(request.path.decode("latin-1")[:1000])
        milliseconds = round((self.clock.seconds() - request.began) * 1000)
        agent = _printable((request.header(b"user-agent") or "-")[:200])
        sent = request.sentLength
        line = f'{peer} {_word(who)} "{method} {path}"'
        globalLogPublisher(
            {
                **_LINE,
                "log_time": time.time(),
                "access": f'{line} {status} {sent} {milliseconds} "{agent}"',
                "peer": peer,
                "who": who,
                "method": method,
                "path": path,
                "status": status,
                "sent": sent,
                "received": 0 if request.body is None else request.body.received,
                "milliseconds": milliseconds,
                "agent": agent,
            }
        )


def _as_bytes(headers: Mapping[str, Sequence[str]]) -> dict[bytes, list[bytes]]:
    return {
        name.encode("latin-1"): [value.encode("latin-1") for value in values]
        for name, values in headers.items()
    }


def _printable(text: str) -> str:
    """Make sure that a line stays one, and a terminal what it is."""
    return printable(text).replace('"', "\\x22")


def _word(name: str) -> str:
    """Write a name as one word; who is not known is ``-``, as other servers have it."""
    return _printable(name).replace(" ", "\\x20") or "-"


def _since(moment: float | None, now: float) -> float:
    return 0.0 if moment is None else now - moment
