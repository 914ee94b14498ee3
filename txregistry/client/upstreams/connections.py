"""Connections to servers that may mean harm: what comes before a body has its bounds.

Twisted's client takes any number of header fields, and any number of interim answers;
and it ends connections in a way that a server must agree to.
"""

import re
from collections.abc import Callable
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IAddress,
    IProtocolFactory,
    IReactorTime,
    IStreamClientEndpoint,
)
from twisted.internet.protocol import Protocol, connectionDone
from twisted.protocols.policies import ProtocolWrapper, WrappingFactory
from twisted.python.failure import Failure
from zope.interface import implementer

HEAD: Final = 16 * 1024
"""Bytes before a body, at most: as many as Twisted takes in one line."""
_LINES: Final = 200
_INTERIM: Final = 8
"""Answers that only say that there will be one."""
_GRACE: Final = 3.0
"""Seconds in which a server may agree to the end of a connection."""

_RECEIVED: Final = 256 * 1024
"""Bytes that are taken from the network at once."""

_STATUS: Final = re.compile(rb"HTTP/1\.[01] ([1-9][0-9]{2})(?: [^\r\n]*)?\r?\n")
_END: Final = re.compile(rb"\n\r?\n")
_OVERLAP: Final = 2
"""Bytes of what marks the end of a head that may have come before the rest of it."""


class Overlong(Exception):
    """What comes before a body has no end, or is none of HTTP."""


class _Head:
    """Look at what comes before a body, and when it ends."""

    def __init__(self) -> None:
        self._data = b""
        self._seen = 0
        self._interim = 0
        self._size = 0

    def take(self, data: bytes) -> bool:
        """Take more of it in.

        Returns:
            Whether the body begins within it.

        Raises:
            Overlong: it is nothing to wait for the end of.
        """
        self._size += len(data)
        self._data += data
        while (end := _END.search(self._data, max(0, self._seen - _OVERLAP))) is None:
            self._seen = len(self._data)
            self._check(self._data, self._size)
            return False
        head, rest = self._data[: end.end()], self._data[end.end() :]
        self._check(head, self._size - len(rest))
        status = _STATUS.match(head)
        if status is None:
            raise Overlong("no answer of HTTP")
        if not status[1].startswith(b"1"):
            return True
        self._interim += 1
        if self._interim > _INTERIM:
            raise Overlong("too many interim answers")
        self._data, self._seen = b"", 0
        self._size -= len(rest)
        return self.take(rest)

    @staticmethod
    def _check(head: bytes, size: int) -> None:
        if size > HEAD or head.count(b"\n") > _LINES:
            raise Overlong("too long a head")


class Connection(ProtocolWrapper):
    """Stand between a connection and Twisted's client of HTTP."""

    def __init__(self, factory: Any, wrappedProtocol: Any) -> None:  # noqa: N803 - Twisted's name
        super().__init__(factory, wrappedProtocol)
        self._connections = factory.connections
        self._head: _Head | None = None
        self._reason: Failure | None = None
        self._end: Any = None

    def makeConnection(self, transport: Any) -> None:  # noqa: N802 - Twisted's name
        """See ``IProtocol``."""
        _widen(transport)
        super().makeConnection(transport)  # type: ignore[no-untyped-call]  # Twisted's
        self._connections.add(self)

    def write(self, data: bytes) -> None:
        """See ``ITransport``: what is written so is more of a request.

        There may be an answer to it by then, all or half of it.
        """
        transport: Any = self.transport
        transport.write(data)

    def writeSequence(self, data: Any) -> None:  # noqa: N802 - Twisted's name
        """See ``ITransport``: a request begins so."""
        self._head = _Head()
        transport: Any = self.transport
        transport.writeSequence(data)

    def dataReceived(self, data: bytes) -> None:
        """See ``IProtocol``."""
        if self._reason is not None:
            return
        if self._head is not None:
            try:
                if self._head.take(data):
                    self._head = None
            except Overlong:
                self._reason = Failure()
                self.abortConnection()
                return
        self.wrappedProtocol.dataReceived(data)

    def loseConnection(self) -> None:
        """See ``ITransport``: at once if the server does not agree to it."""
        if self._end is None:
            clock = self._connections.clock
            self._end = clock.callLater(_GRACE, self.abortConnection)
        super().loseConnection()  # type: ignore[no-untyped-call]  # Twisted's

    def stopProducing(self) -> None:
        """See ``IProducer``: nobody wants what would come."""
        self.abortConnection()

    def abortConnection(self) -> None:
        """See ``ITCPTransport``."""
        transport: Any = self.transport
        transport.abortConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """See ``IProtocol``."""
        if self._end is not None and self._end.active():
            self._end.cancel()
        self._connections.remove(self)
        reason = self._reason or reason
        super().connectionLost(reason)  # type: ignore[no-untyped-call]  # Twisted's


def _widen(transport: Any) -> None:
    """Take more from the network at once: a reactor's turn costs as much as a copy."""
    while isinstance(transport, ProtocolWrapper):
        transport = transport.transport
    if hasattr(transport, "bufferSize"):
        transport.bufferSize = _RECEIVED


class Connections:
    """All connections that there are to an upstream, and to where it sends us.

    Args:
        clock: What measures the time.
    """

    def __init__(self, clock: IReactorTime) -> None:
        self.clock = clock
        self._closed = False
        self._open: set[Connection] = set()
        self._waiting: list[Deferred[None]] = []

    def __len__(self) -> int:
        return len(self._open)

    def add(self, connection: Connection) -> None:
        """Take in that one came about; it may be too late for that."""
        self._open.add(connection)
        if self._closed:
            connection.abortConnection()

    def remove(self, connection: Connection) -> None:
        """Take in that one ended."""
        self._open.discard(connection)
        if not self._open:
            waiting, self._waiting = self._waiting, []
            for each in waiting:
                each.callback(None)

    async def close(self) -> None:
        """Break all of them off, those to come too, and wait for their ends."""
        self._closed = True
        for each in list(self._open):
            each.abortConnection()
        if self._open:
            ended: Deferred[None] = Deferred()
            self._waiting.append(ended)
            await ended


class _Factory(WrappingFactory):
    """Wrap what comes about of one endpoint."""

    protocol = Connection

    def __init__(
        self,
        wrapped: Any,
        connections: Connections,
        note: Callable[[str], object] | None,
    ) -> None:
        super().__init__(wrapped)  # type: ignore[no-untyped-call]  # Twisted's
        self.noisy = wrapped.noisy = False  # each connection would be logged
        self.connections = connections
        self._note = note

    def buildProtocol(self, addr: IAddress | None) -> Any:
        """See ``IProtocolFactory``."""
        host = getattr(addr, "host", None)
        if self._note is not None and isinstance(host, str):
            self._note(host)
        return super().buildProtocol(addr)


@implementer(IStreamClientEndpoint)
class WatchedEndpoint:
    """Connect as another endpoint does, with bounds to what may come.

    Args:
        endpoint: The other endpoint.
        connections: Those of the upstream.
        note: Is told at which address somebody was reached; None for nobody.
    """

    def __init__(
        self,
        endpoint: IStreamClientEndpoint,
        connections: Connections,
        note: Callable[[str], object] | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._connections = connections
        self._note = note

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._endpoint!r}>"

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[Any]:  # noqa: N803 - Twisted's name
        """See ``IStreamClientEndpoint``."""
        factory = _Factory(protocolFactory, self._connections, self._note)
        connecting: Deferred[Any] = self._endpoint.connect(factory)
        return connecting.addCallback(_unwrap)


def _unwrap(protocol: Any) -> Protocol:
    wrapped: Protocol = protocol.wrappedProtocol
    return wrapped
