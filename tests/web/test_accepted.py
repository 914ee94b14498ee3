"""Tests of ``txregistry/web/accepted.py``: a socket, and a reactor that only notes."""

import socket
from collections.abc import Callable
from typing import Any

from twisted.internet.main import CONNECTION_DONE
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.tcp import Port, Server
from twisted.internet.testing import MemoryReactorClock
from twisted.internet.unix import Port as UnixPort
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase

from txregistry.web.accepted import Accepted, accept_as_ours, first_words


class Ending(Protocol):
    """Do something when something is said."""

    def __init__(self, act: Callable[[Any], None]) -> None:
        self._act = act
        self.lost = 0

    def dataReceived(self, data: bytes) -> None:
        """See ``IProtocol``."""
        del data
        self._act(self.transport)

    def connectionLost(self, reason: object = None) -> None:
        """See ``IProtocol``."""
        del reason
        self.lost += 1


class AcceptedCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor: Any = MemoryReactorClock()
        ours, self.client = socket.socketpair()
        self.client.settimeout(5)
        self.addCleanup(self.client.close)
        self.addCleanup(ours.close)
        self._socket = ours

    def connect(self, act: Callable[[Any], None]) -> Any:
        """Make a connection that does something when something is said."""
        self.protocol = Ending(act)
        peer, port, reactor = ("10.0.0.1", 1), Port(0, Factory()), self.reactor
        made: Any = Accepted(self._socket, self.protocol, peer, port, 0, reactor)
        self.protocol.makeConnection(made)
        return made

    def say(self, connection: Any) -> Any:
        """Say something, and let it be read."""
        self.client.sendall(b"hello")
        return connection.doRead()


class EndTests(AcceptedCase):
    def test_it_ends_with_its_turn(self) -> None:
        connection = self.connect(lambda transport: transport.loseConnection())
        self.assertIs(self.say(connection), CONNECTION_DONE)
        self.assertEqual(self.reactor.getWriters(), [])

    def test_it_goes_on_if_it_is_not_to_end(self) -> None:
        connection = self.connect(lambda _: None)
        self.assertIsNone(self.say(connection))
        self.assertIn(connection, self.reactor.getReaders())

    def test_what_waits_is_sent_before(self) -> None:
        def act(transport: Any) -> None:
            transport.write(b"hello")
            transport.loseConnection()

        connection = self.connect(act)
        self.assertIsNone(self.say(connection))
        self.assertNotIn(connection, self.reactor.getReaders())
        self.assertIs(connection.doWrite(), CONNECTION_DONE)
        self.assertEqual(self.client.recv(9), b"hello")

    def test_what_is_said_after_the_end_is_sent_all_the_same(self) -> None:
        def act(transport: Any) -> None:
            transport.loseConnection()
            transport.write(b"hello")

        connection = self.connect(act)
        self.assertIsNone(self.say(connection))
        self.assertNotIn(connection, self.reactor.getReaders())
        self.assertIs(connection.doWrite(), CONNECTION_DONE)
        self.assertEqual(self.client.recv(9), b"hello")

    def test_break_is_none_that_the_client_could_take_for_an_end(self) -> None:
        def act(transport: Any) -> None:
            transport.loseConnection()
            transport.abortConnection()

        connection = self.connect(act)
        self.assertIsNone(self.say(connection))
        self.reactor.advance(0)
        self.assertEqual(self.protocol.lost, 1)

    def test_end_between_turns_is_twisteds(self) -> None:
        connection = self.connect(lambda _: None)
        connection.loseConnection()
        self.assertIn(connection, self.reactor.getWriters())
        self.assertIs(connection.doWrite(), CONNECTION_DONE)

    def test_client_is_told_though_nobody_shuts_down(self) -> None:
        connection = self.connect(lambda _: None)
        connection.readConnectionLost(Failure(CONNECTION_DONE))
        self.assertEqual(self.client.recv(9), b"")
        self.assertEqual(self.protocol.lost, 1)

    def test_address_stays_the_same(self) -> None:
        connection = self.connect(lambda _: None)
        self.assertEqual(connection.getPeer().host, "10.0.0.1")
        self.assertIs(connection.getPeer(), connection.getPeer())


class FirstWordsTests(AcceptedCase):
    def test_what_has_come_is_given(self) -> None:
        connection = self.connect(lambda _: None)
        self.client.sendall(b"hello")
        self.assertEqual(first_words(connection), b"hello")

    def test_nothing_has_come(self) -> None:
        self.assertEqual(first_words(self.connect(lambda _: None)), b"")

    def test_who_is_not_let_in_is_not_listened_to(self) -> None:
        for end in ("abortConnection", "loseConnection"):
            connection = self.connect(lambda _: None)
            self.client.sendall(b"hello")
            getattr(connection, end)()
            self.assertEqual(first_words(connection), b"", end)

    def test_other_connections_tell_later(self) -> None:
        self.assertEqual(first_words(object()), b"")


class PortTests(SynchronousTestCase):
    def test_ports_of_tcp_make_ours(self) -> None:
        port = Port(0, Factory())
        self.assertIs(port.transport, Server)
        self.assertIs(accept_as_ours(port), port)
        self.assertIs(port.transport, Accepted)

    def test_others_make_their_own(self) -> None:
        port: Any = UnixPort(b"/nowhere", Factory())
        made = port.transport
        self.assertIs(accept_as_ours(port), port)
        self.assertIs(port.transport, made)
