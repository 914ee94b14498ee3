"""Tests of ``txregistry/client/upstreams/connections.py``, by bytes."""

import traceback
from typing import Any

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.error import ConnectionDone
from twisted.internet.interfaces import IStreamClientEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.logger import capturedLogs
from twisted.python.failure import Failure
from zope.interface import implementer

from tests.client.network import Connection
from tests.client.upstreams.case import ALPINE, DIGEST, MANIFEST
from tests.client.upstreams.wire import BLOB_HEAD, GOOD, LENGTH, OK, WireCase
from txregistry.client.upstreams.connections import (
    HEAD,
    Connections,
    WatchedEndpoint,
)
from txregistry.client.upstreams.interfaces import (
    Found,
    UpstreamUnavailable,
    UpstreamWrong,
)
from txregistry.client.upstreams.logins import Login, ToldLogin


class HeadTests(WireCase):
    def test_answer(self) -> None:
        found = self.answers(GOOD)
        assert found is not None
        self.assertEqual(found.data, MANIFEST)

    def test_answer_of_single_bytes(self) -> None:
        pieces = [GOOD[place : place + 1] for place in range(len(GOOD))]
        self.assertIsNotNone(self.answers(*pieces))

    def test_connection_is_used_again(self) -> None:
        asked, connection = self.begin()
        connection.send(GOOD)
        self.successResultOf(asked)
        asked = self.ask()
        connection.flush()
        self.assertEqual(self.network.attempts, 0)
        connection.send(GOOD)
        self.successResultOf(asked)
        self.assertEqual(len(self.open_connections), 1)

    def test_connection_that_nobody_needs_is_closed(self) -> None:
        asked, connection = self.begin()
        connection.send(GOOD)
        self.successResultOf(asked)
        self.network.reactor.advance(30)
        connection.flush()
        self.assertTrue(connection.peer.lost)
        self.assertEqual(len(self.open_connections), 0)

    def test_interim_answers_are_passed_over(self) -> None:
        interim = b"HTTP/1.1 103 Early Hints\r\nLink: <x>\r\n\r\n"
        self.assertIsNotNone(self.answers(interim, interim + GOOD))

    def test_lines_may_end_otherwise(self) -> None:
        self.assertIsNotNone(self.answers(GOOD.replace(b"\r\n", b"\n")))

    def test_head_as_long_as_it_may_be(self) -> None:
        start = OK + LENGTH + b"X: "
        fill = HEAD - len(start) - len(b"\r\n\r\n")
        self.assertIsNotNone(self.answers(start + b"x" * fill + b"\r\n\r\n" + MANIFEST))
        said = self.wrong(start + b"x" * (fill + 1) + b"\r\n\r\n" + MANIFEST)
        self.assertIn("(Overlong)", said)

    def test_next_head_has_its_own_measure(self) -> None:
        asked, connection = self.begin()
        long = OK + LENGTH + b"X: " + b"x" * 12_000 + b"\r\n\r\n" + MANIFEST
        for _ in range(3):
            connection.send(long)
            self.successResultOf(asked)
            asked = self.ask()
            connection.flush()
        self.assertEqual(self.network.attempts, 0)
        asked.cancel()
        self.failureResultOf(asked, CancelledError)

    def test_head_without_an_end_is_wrong(self) -> None:
        for piece in (b"X: y\r\n", b"X: " + b"y" * 900 + b"\r\n", b" folded\r\n", b"x"):
            asked, connection = self.begin()
            connection.send(OK)
            for _ in range(20_000):
                if connection.peer.lost:
                    break
                connection.send(piece)
            self.assertIn("(Overlong)", self.fails(UpstreamWrong, asked, connection))

    def test_too_many_fields_are_wrong(self) -> None:
        self.assertIsNotNone(
            self.answers(OK + b"a:b\r\n" * 190 + LENGTH + b"\r\n" + MANIFEST)
        )
        self.assertIn("(Overlong)", self.wrong(OK + b"a:b\r\n" * 200 + b"\r\n"))

    def test_interim_answers_without_an_end_are_wrong(self) -> None:
        said = self.wrong(*[b"HTTP/1.1 100 Continue\r\n\r\n"] * 9)
        self.assertIn("(Overlong)", said)

    def test_interim_answers_are_part_of_the_measure(self) -> None:
        filled = b"X: " + b"x" * 10_000 + b"\r\n\r\n"
        self.assertIsNotNone(self.answers(b"HTTP/1.1 103 x\r\n\r\n", GOOD))
        said = self.wrong(b"HTTP/1.1 103 x\r\n" + filled, OK + filled)
        self.assertIn("(Overlong)", said)

    def test_what_is_no_http_is_wrong(self) -> None:
        for text in (
            b"SSH-2.0-OpenSSH_9.9\r\n\r\n",
            b"HTTP/1.1\r\n\r\n",
            b"HTTP/1.1 +200 OK\r\n\r\n",
            b"HTTP/1.1 2_0 OK\r\n\r\n",
            b"HTTP/1.1 0103 x\r\n\r\n" + GOOD,
            b"HTTP/2 200 OK\r\n\r\n",
            b"ICY 200 OK\r\n\r\n",
            b"\r\n\r\n",
            OK + b"no colon\r\n\r\n",
            OK + b"Content-Length: -1\r\n\r\n",
            OK + b"Content-Length: many\r\n\r\n",
            OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
            OK + b"Transfer-Encoding: gzip\r\n\r\n",
            OK + b"Transfer-Encoding: chunked, chunked\r\n\r\n",
        ):
            self.assertIn("does not answer as HTTP does", self.wrong(text))

    def test_text_of_what_is_no_http_is_neither_told_nor_logged(self) -> None:
        for text in (
            OK + b"hunter2\r\n\r\n",
            OK + b"Content-Length: hunter2\r\n\r\n",
            OK + b"Transfer-Encoding: hunter2\r\n\r\n",
            b"HTTP/1.1 hunter2\r\n\r\n",
        ):
            with capturedLogs() as logs:
                asked, connection = self.begin()
                connection.send(text)
                failure = self.failureResultOf(asked, UpstreamWrong)
                connection.flush()
            told = traceback.format_exception(failure.value)
            self.assertNotIn("hunter2", f"{logs} {failure.getTraceback()} {told}")

    def test_fields_of_any_bytes(self) -> None:
        for name in (
            b"Link",
            b"Date",
            b"Retry-After",
            b"RateLimit",
            b"X",
            b"Content-Type",
        ):
            asked, connection = self.begin()
            field = name + b": \xff\xfe\x80\r\n"
            connection.send(
                b"HTTP/1.1 200 OK\r\n" + field + LENGTH + b"\r\n" + MANIFEST
            )
            self.assertIsNotNone(self.successResultOf(asked))

    def test_what_nobody_wants_is_not_waited_for(self) -> None:
        for head in (
            b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n",
            b"HTTP/1.1 206 OK\r\n",
            OK + b"Docker-Content-Digest: nonsense\r\n",
        ):
            self.wrong(head + b"Content-Length: 99\r\n\r\nx")

    def test_chunks_that_are_none(self) -> None:
        chunked = OK + b"Transfer-Encoding: chunked\r\n\r\n"
        for text in (b"zz\r\n", b"-1\r\n", b"5\r\nabcdefgh\r\n", b"1" * 5000):
            asked, connection = self.begin()
            connection.send(chunked + text)
            self.fails(UpstreamUnavailable, asked, connection)

    def test_trailers_without_an_end(self) -> None:
        chunked = OK + b"Transfer-Encoding: chunked\r\n\r\n1\r\n{\r\n0\r\n"
        asked, connection = self.begin()
        connection.send(chunked)
        for _ in range(200):
            if connection.peer.lost:
                break
            connection.send(b"X: " + b"y" * 1000 + b"\r\n")
        self.fails(UpstreamUnavailable, asked, connection)


class QuestionTests(WireCase):
    def head(self, *fields: bytes) -> "tuple[Deferred[Found | None], Connection]":
        """Ask for a blob by ``HEAD``, and get some fields."""
        self.make()
        asked = Deferred.fromCoroutine(self.upstream.head_blob(ALPINE, DIGEST))
        connection = self.network.accept()
        connection.flush()
        connection.send(BLOB_HEAD + b"".join(fields) + b"\r\n")
        return asked, connection

    def test_length_is_known_without_the_body(self) -> None:
        for fields, size in (
            ([b"Content-Length: 99\r\n"], 99),
            ([b"Content-Length: 99\r\n"] * 2, 99),
            ([], None),
        ):
            asked, connection = self.head(*fields)
            found = self.successResultOf(asked)
            self.assertEqual(found, Found(DIGEST, size, "a/b"))
            self.assertFalse(connection.peer.lost)

    def test_length_that_is_none_is_wrong(self) -> None:
        for text in (b"-1", b"many", b"1" * 40, b"1, 2", b"1\r\nContent-Length: 2"):
            asked, _ = self.head(b"Content-Length: " + text + b"\r\n")
            fault = self.failureResultOf(asked, UpstreamWrong).value
            self.assertIn("a length that is none", fault.reason)

    def test_form_is_sent_whole(self) -> None:
        self.make(login=ToldLogin(Login("<token>", "secret")))
        asked = self.ask()
        connection = self.network.accept()
        connection.flush()
        realm = b'WWW-Authenticate: Bearer realm="http://registry.example/token"\r\n'
        connection.send(b"HTTP/1.1 401 x\r\nContent-Length: 0\r\n" + realm + b"\r\n")
        head, _, form = connection.peer.received.partition(b"POST /token")[2].partition(
            b"\r\n\r\n"
        )
        self.assertIn(b"Content-Length: %d\r\n" % len(form), head)
        self.assertIn(b"refresh_token=secret", form)
        kind = b"Content-Type: application/json\r\n"
        body = b'{"access_token": "t1"}'
        connection.send(
            b"HTTP/1.1 200 x\r\nContent-Length: 22\r\n" + kind + b"\r\n" + body
        )
        self.assertIn(b"Bearer t1", connection.peer.received)
        connection.send(GOOD)
        self.assertIsNotNone(self.successResultOf(asked))


@implementer(IStreamClientEndpoint)
class Given:
    """Connect at once, by a transport that there is already."""

    def __init__(self, transport: StringTransport) -> None:
        self._transport = transport

    def connect(self, factory: Any) -> "Deferred[Any]":
        """See ``IStreamClientEndpoint``."""
        protocol = factory.buildProtocol(None)
        protocol.makeConnection(self._transport)
        return succeed(protocol)


class CloseTests(WireCase):
    def test_all_that_is_open_is_broken_off(self) -> None:
        asked, connection = self.begin()
        other = self.ask()
        second = self.network.accept()
        second.flush()
        connection.send(GOOD)
        self.successResultOf(asked)
        closed = Deferred.fromCoroutine(self.upstream.close())
        for each in (connection, second):
            each.flush()
            self.assertTrue(each.peer.lost)
        self.successResultOf(closed)
        self.failureResultOf(other, UpstreamUnavailable)
        self.assertEqual(self.network.reactor.getDelayedCalls(), [])

    def test_what_comes_about_later_is_broken_off(self) -> None:
        self.make()
        asked = self.ask()
        self.successResultOf(Deferred.fromCoroutine(self.upstream.close()))
        connection = self.network.accept()
        self.fails(UpstreamUnavailable, asked, connection)

    def test_server_that_does_not_agree_to_the_end_is_left(self) -> None:
        clock = Clock()
        connections = Connections(clock)
        transport = StringTransport()
        endpoint = WatchedEndpoint(Given(transport), connections)
        protocol = self.successResultOf(endpoint.connect(Factory.forProtocol(Protocol)))
        protocol.transport.loseConnection()
        clock.advance(2.9)
        self.assertFalse(transport.disconnected)
        clock.advance(0.1)
        self.assertTrue(transport.disconnected)

    def test_much_is_taken_from_the_network_at_once(self) -> None:
        transport: Any = StringTransport()
        transport.bufferSize = 65536
        endpoint = WatchedEndpoint(Given(transport), Connections(Clock()))
        self.successResultOf(endpoint.connect(Factory.forProtocol(Protocol)))
        self.assertEqual(transport.bufferSize, 262144)

    def test_what_nobody_reads_ends_at_once(self) -> None:
        transport = StringTransport()
        endpoint = WatchedEndpoint(Given(transport), Connections(Clock()))
        protocol = self.successResultOf(endpoint.connect(Factory.forProtocol(Protocol)))
        protocol.transport.stopProducing()
        self.assertTrue(transport.disconnected)

    def test_server_that_agrees_to_it_is_not_waited_for(self) -> None:
        clock = Clock()
        endpoint = WatchedEndpoint(Given(StringTransport()), Connections(clock))
        protocol = self.successResultOf(endpoint.connect(Factory.forProtocol(Protocol)))
        protocol.transport.loseConnection()
        protocol.transport.connectionLost(Failure(ConnectionDone()))
        self.assertEqual(clock.getDelayedCalls(), [])
