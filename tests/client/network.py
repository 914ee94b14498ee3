"""A network in memory: our agent, and a server that sends what a test says."""

from collections.abc import Callable
from typing import Any

from twisted.internet.protocol import Protocol, connectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactorClock
from twisted.python.failure import Failure
from twisted.test import iosim


class Peer(Protocol):
    """Keep what a client sends; what it is answered, the test says."""

    def __init__(self) -> None:
        self.received = b""
        self.lost = False

    def dataReceived(self, data: bytes) -> None:
        """See ``Protocol``."""
        self.received += data

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """See ``Protocol``."""
        del reason
        self.lost = True


class Connection:
    """One connection between both.

    Attributes:
        peer: The server's end.
    """

    def __init__(
        self, clock: Clock, client: Any, server: Callable[[Peer], Any]
    ) -> None:
        self.peer = Peer()
        self._clock = clock
        theirs: Any = server(self.peer)
        ours: Any = client.buildProtocol(None)
        transport = iosim.FakeTransport(theirs, isServer=True)
        own = iosim.FakeTransport(ours, isServer=False)
        self._pump = iosim.connect(theirs, transport, ours, own)

    def flush(self) -> None:
        """Let both sides have what the other one sent."""
        self._pump.flush()
        self._clock.advance(0)  # TLS sends what is small a little later
        self._pump.flush()

    def send(self, data: bytes) -> None:
        """Let the server send something."""
        transport: Any = self.peer.transport
        transport.write(data)
        self.flush()

    def close(self) -> None:
        """Let the server close the connection."""
        transport: Any = self.peer.transport
        transport.loseConnection()
        self.flush()


class Network:
    """Where connections come about when one says so.

    Args:
        server: Wraps a peer, as TLS does.
    """

    def __init__(self, server: Callable[[Peer], Any] = lambda peer: peer) -> None:
        self.reactor = MemoryReactorClock()
        self._server = server

    @property
    def attempts(self) -> int:
        """How many connections were begun and not yet accepted or refused."""
        return len(self.reactor.tcpClients)

    def accept(self) -> Connection:
        """Let the oldest attempt come about."""
        client = self.reactor.tcpClients.pop(0)[2]
        return Connection(self.reactor, client, self._server)

    def refuse(self, why: Exception) -> None:
        """Let the oldest attempt come to nothing."""
        client: Any = self.reactor.tcpClients.pop(0)[2]
        client.clientConnectionFailed(None, Failure(why))
        self.reactor.advance(
            1
        )  # when the endpoint finds that there is no other address
