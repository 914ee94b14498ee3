"""Tests of ``txregistry/client/bodies.py``."""

from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.testing import MemoryReactorClock, StringTransport
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import Agent, ResponseFailed
from twisted.web.iweb import IResponse

from txregistry.client.bodies import TooLarge, read_body

CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"


class ReadBodyTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.transport = StringTransport()

    def head(self, data: bytes) -> IResponse:
        """Give an answer of which this has come."""
        reactor = MemoryReactorClock()
        asked: Deferred[IResponse] = Agent(reactor).request(b"GET", b"http://a.example")
        factory: Any = reactor.tcpClients[0][2]
        self.protocol = factory.buildProtocol(None)
        self.protocol.makeConnection(self.transport)
        self.protocol.dataReceived(data)
        return self.successResultOf(asked)

    def test_body_that_was_there_before(self) -> None:
        response = self.head(CHUNKED + b"3\r\nabc\r\n0\r\n\r\n")
        self.assertEqual(self.successResultOf(read_body(response, 3)), b"abc")

    def test_body_that_comes_later(self) -> None:
        body = read_body(self.head(CHUNKED), 6)
        for data in (b"3\r\nabc\r\n", b"3\r\nd", b"ef\r\n", b"0\r\n\r\n"):
            self.assertNoResult(body)
            self.protocol.dataReceived(data)
        self.assertEqual(self.successResultOf(body), b"abcdef")

    def test_no_body(self) -> None:
        response = self.head(b"HTTP/1.1 204 No\r\n\r\n")
        self.assertEqual(self.successResultOf(read_body(response, 0)), b"")

    def test_body_as_large_as_its_limit(self) -> None:
        response = self.head(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc")
        self.assertEqual(self.successResultOf(read_body(response, 3)), b"abc")

    def test_larger_length_breaks_the_connection_off(self) -> None:
        response = self.head(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")
        self.failureResultOf(read_body(response, 3), TooLarge)
        self.assertTrue(self.transport.disconnected)

    def test_larger_body_breaks_the_connection_off(self) -> None:
        body = read_body(self.head(CHUNKED), 3)
        self.protocol.dataReceived(b"4\r\nabcd\r\n")
        self.failureResultOf(body, TooLarge)
        self.assertTrue(self.transport.disconnected)

    def test_what_comes_after_that_is_dropped(self) -> None:
        body = read_body(self.head(CHUNKED), 3)
        for _ in range(3):
            self.protocol.dataReceived(b"4\r\nabcd\r\n")
        self.failureResultOf(body, TooLarge)

    def test_who_cancels_breaks_the_connection_off(self) -> None:
        body = read_body(self.head(CHUNKED), 3)
        body.cancel()
        self.failureResultOf(body, CancelledError, ResponseFailed)
        self.assertTrue(self.transport.disconnected)
