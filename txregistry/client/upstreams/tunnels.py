"""Connections to an upstream through a proxy.

Source: RFC 9110, section 9.3.6, for ``CONNECT``, and section 11.7, for who may use it.
"""

import re
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IAddress,
    IProtocol,
    IProtocolFactory,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from txregistry.client.upstreams.places import Place
from txregistry.client.upstreams.proxies import Proxy

_LONGEST: Final = 8192
_ANSWER: Final = re.compile(rb"HTTP/1\.[01] ([1-9][0-9]{2})(?: [^\r\n]*)?\r?\n")
_END: Final = b"\r\n\r\n"


class TunnelRefused(Exception):
    """A proxy does not connect us.

    Attributes:
        status: What it answered; 0 for nothing that can be understood.
    """

    def __init__(self, status: int = 0) -> None:
        """Say what it answered."""
        self.status = status
        super().__init__(status)


class _Tunnel(Protocol):
    """Ask a proxy to connect us, and then step back."""

    def __init__(self, request: bytes, inner: IProtocol) -> None:
        self.opened: Deferred[IProtocol] = Deferred(lambda _: self._abort())
        self._request = request
        self._inner = inner
        self._answer: bytes | None = b""

    def connectionMade(self) -> None:
        """See ``IProtocol``."""
        transport: Any = self.transport
        transport.write(self._request)

    def dataReceived(self, data: bytes) -> None:
        """See ``IProtocol``."""
        if self._answer is None:
            self._inner.dataReceived(data)
            return
        self._answer += data
        if _END in self._answer:
            self._open(self._answer)
        elif len(self._answer) > _LONGEST:
            self._fail(TunnelRefused())

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """See ``IProtocol``."""
        if self._answer is None:
            self._inner.connectionLost(reason)
        elif not self.opened.called:
            self.opened.errback(reason)

    def _open(self, answer: bytes) -> None:
        head, _, rest = answer.partition(_END)
        match = _ANSWER.match(head + _END)
        status = int(match[1]) if match is not None else 0
        # The other side speaks second: what is there already is the proxy's own.
        if not 200 <= status < 300 or rest:  # noqa: PLR2004 - the class of statuses
            self._fail(TunnelRefused(status))
            return
        self._answer = None
        transport: Any = self.transport
        self._inner.makeConnection(transport)
        if not self.opened.called:
            self.opened.callback(self._inner)

    def _fail(self, why: Exception) -> None:
        if not self.opened.called:
            self.opened.errback(why)
        self._abort()

    def _abort(self) -> None:
        transport: Any = self.transport
        transport.abortConnection()


@implementer(IStreamClientEndpoint)
class TunnelEndpoint:
    """Connect to a server through a proxy.

    Args:
        endpoint: How the proxy is reached.
        proxy: The proxy.
        place: The server.
    """

    def __init__(
        self, endpoint: IStreamClientEndpoint, proxy: Proxy, place: Place
    ) -> None:
        self._endpoint = endpoint
        self._proxy = proxy
        self._place = place

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._place.shown}>"

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[Any]:  # noqa: N803 - Twisted's name
        """See ``IStreamClientEndpoint``."""
        return Deferred.fromCoroutine(self._connect(protocolFactory))

    async def _connect(self, factory: IProtocolFactory) -> IProtocol:
        build: Any = factory.buildProtocol
        inner: IProtocol | None = build(None)  # the address is the proxy's own
        if inner is None:
            raise TunnelRefused
        tunnel = _Tunnel(self._request(), inner)
        await self._endpoint.connect(_Once(tunnel))
        return await tunnel.opened

    def _request(self) -> bytes:
        host = f"[{self._place.host}]" if ":" in self._place.host else self._place.host
        to = f"{host}:{self._place.port}"
        lines = [f"CONNECT {to} HTTP/1.1", f"Host: {to}"]
        if self._proxy.authorization:
            lines.append(f"Proxy-Authorization: {self._proxy.authorization}")
        return "\r\n".join([*lines, "", ""]).encode("ascii")


class _Once(Factory[Protocol]):
    """Build a protocol that there is already."""

    noisy = False

    def __init__(self, protocol: Protocol) -> None:
        self._protocol = protocol

    def buildProtocol(self, addr: IAddress | None) -> Protocol:
        """See ``IProtocolFactory``."""
        del addr
        return self._protocol
