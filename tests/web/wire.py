"""Bytes to a site and bytes back, in memory."""

from typing import Any

from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from tests.web.answers import Answer, read_answers
from txregistry.web.channel import RegistryChannel
from txregistry.web.site import RegistrySite

_TURNS = 200
"""Turns of the clock within which whatever needs no time to pass has happened."""


class Pipe(StringTransport):
    """A TCP connection to the server, seen from its end.

    Args:
        room: Bytes that the server may send until the client reads; None for all.
        peer: The client's address; None for one that does not matter.

    Attributes:
        half_closed: Whether the server said that it writes no more.
        aborted: Whether the server broke the connection.
    """

    half_closed = False
    aborted = False
    producer: Any
    bufferSize = 65536

    def __init__(self, room: int | None = None, peer: Any = None) -> None:
        super().__init__(peerAddress=peer)
        self._room = room
        self._unread = 0

    def write(self, data: bytes) -> None:
        """See ``ITransport``: a producer that fills the buffers has to pause."""
        super().write(data)
        self._unread += len(data)
        if self._room is not None and self._unread > self._room and self.producer:
            self.producer.pauseProducing()

    def read(self) -> None:
        """Let the client read all that was sent."""
        self._unread = 0
        if self.producer:
            self.producer.resumeProducing()

    def setTcpNoDelay(self, enabled: bool) -> None:  # noqa: FBT001, N802 - Twisted's
        """See ``ITCPTransport``: TLS asks for it."""

    def loseWriteConnection(self) -> None:  # noqa: N802 - Twisted's own name
        """See ``IHalfCloseableDescriptor``."""
        self.half_closed = True

    def abortConnection(self) -> None:
        """See ``ITCPTransport``."""
        self.aborted = True
        super().abortConnection()

    def unregisterProducer(self) -> None:
        """See ``IConsumer``: harmless the second time, as with real connections."""
        self.producer = None


class Connection:
    """A client's connection to a site.

    Args:
        site: The site.
        clock: Its clock.
        room: See `Pipe`.
        peer: See `Pipe`.
    """

    def __init__(
        self,
        site: RegistrySite,
        clock: Clock,
        room: int | None = None,
        peer: Any = None,
    ) -> None:
        self._clock = clock
        self._lost = False
        self.pipe = Pipe(room, peer)
        channel: Any = site.buildProtocol(self.pipe.getPeer())
        self.channel: RegistryChannel = channel
        # What buildProtocol took from the reactor goes by the clock.
        channel.callLater = clock.callLater
        channel.makeConnection(self.pipe)

    @property
    def received(self) -> bytes:
        """All that the server sent so far."""
        return bytes(self.pipe.value())

    @property
    def ended(self) -> bool:
        """Whether the server sends no more."""
        return self.pipe.disconnecting or self.pipe.half_closed

    @property
    def waits(self) -> bool:
        """Whether the server lets the client wait."""
        return bool(self.pipe.producerState == "paused")

    def send(self, data: bytes, *, size: int | None = None) -> None:
        """Send bytes, and let the server work on them.

        Args:
            data: The bytes.
            size: How many in a segment; None for all in one.
        """
        step = size or max(1, len(data))
        for place in range(0, len(data), step):
            self.channel.dataReceived(data[place : place + step])
        self.settle()

    def settle(self) -> None:
        """Let happen what needs no time to pass."""
        for _ in range(_TURNS):
            due = [call for call in self._clock.calls if call.getTime() <= self.now]
            if not due:
                return
            self._clock.advance(0)

    @property
    def now(self) -> float:
        """The time."""
        return float(self._clock.seconds())

    def answers(self, *methods: str) -> list[Answer]:
        """Read what came, as whole answers to requests of some methods."""
        return read_answers(self.received, methods, ended=self.ended)

    def answer(self, method: str = "GET") -> Answer:
        """Read what came, as the one answer to a request."""
        (answer,) = self.answers(method)
        return answer

    def drop(self) -> None:
        """Leave, as a client does that closes its end."""
        if not self._lost:
            self._lost = True
            if self.pipe.producer:
                self.pipe.producer.stopProducing()
            self.pipe.disconnecting = True
            self.channel.connectionLost(Failure(ConnectionDone()))
            self.settle()
