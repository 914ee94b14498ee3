"""Tests of ``txregistry/tls/turns.py``: what leaves together, and in which order."""

from socket import socketpair
from typing import Any

from OpenSSL import SSL
from twisted.internet.protocol import Factory
from twisted.internet.tcp import Port
from twisted.internet.testing import MemoryReactorClock

from tests.tls import test_transport
from tests.tls.test_transport import LARGE, Speaker
from txregistry.web.accepted import Accepted

SHORT = b"hello " * 100


class Answerer(Speaker):
    """Answer the first thing that is said, and end."""

    answers: tuple[bytes, ...] = (SHORT,)
    breaks = False

    def dataReceived(self, data: bytes) -> None:
        """See ``IProtocol``."""
        super().dataReceived(data)
        transport: Any = self.transport
        if self.pieces == 1:
            for each in self.answers:
                transport.write(each)
            transport.loseConnection()
            if self.breaks:
                transport.abortConnection()


class TurnTests(test_transport.TransportCase):
    def begin(self) -> None:
        """Connect, and go on to where the client knows the server."""
        self.connect()
        self.speaker = self.transport.wrappedProtocol = Answerer(b"")
        self.speaker.makeConnection(self.transport)
        self.sent: list[bytes] = []
        write = self.pipe.write

        def note(data: bytes) -> None:
            self.sent.append(data)
            write(data)

        self.pipe.write = note  # type: ignore[method-assign]  # to count the pieces
        with self.assertRaises(SSL.WantReadError):
            self.client.do_handshake()
        self.exchange()
        self.client.do_handshake()

    def ask(self) -> bytes:
        """Say something together with the handshake's end, and give the answer."""
        self.client.send(b"say hello")
        try:
            return self.hear()
        except SSL.ZeroReturnError:
            return self.client_heard

    def hear(self) -> bytes:
        """Give what the client has heard up to the server's end."""
        self.client_heard = b""
        self.exchange()
        while True:
            try:
                self.client_heard += self.client.recv(1 << 20)
            except SSL.WantReadError:
                return self.client_heard

    def test_end_of_the_handshake_and_answer_and_end_are_one_piece(self) -> None:
        self.begin()
        flight = len(self.sent)
        self.assertEqual(self.ask(), SHORT)
        self.assertEqual((flight, len(self.sent)), (1, 2))
        self.assertEqual(self.client.get_shutdown(), SSL.RECEIVED_SHUTDOWN)

    def test_large_answer_comes_whole_and_in_order(self) -> None:
        self.begin()
        self.speaker.answers = (SHORT, LARGE, SHORT)  # type: ignore[attr-defined]
        self.assertTrue(self.ask() == SHORT + LARGE + SHORT)

    def test_much_in_small_pieces_does_not_wait(self) -> None:
        self.begin()
        self.speaker.answers = (SHORT,) * 100  # type: ignore[attr-defined]
        self.assertEqual(self.ask(), SHORT * 100)
        self.assertTrue(max(map(len, self.sent)) < len(SHORT) * 50)

    def test_what_was_said_before_a_break_has_left(self) -> None:
        self.begin()
        self.speaker.breaks = True  # type: ignore[attr-defined]
        self.assertEqual(self.ask(), SHORT)
        self.assertTrue(self.pipe.aborted)

    def test_what_is_said_between_turns_leaves_at_once(self) -> None:
        self.connect()
        self.shake_hands()
        self.speaker.say(SHORT)
        self.assertNotEqual(self.pipe.value(), b"")

    def test_client_is_let_go_when_it_has_nothing_to_add(self) -> None:
        self.begin()
        self.ask()
        self.assertFalse(self.pipe.disconnecting)
        self.client.shutdown()
        self.exchange()
        self.assertTrue(self.pipe.disconnecting)

    def test_client_that_goes_on_is_heard_until_it_ends(self) -> None:
        self.begin()
        self.ask()
        self.client.send(b" and more")
        self.exchange()
        self.assertEqual(self.speaker.heard, b"say hello and more")
        self.assertFalse(self.pipe.disconnecting)

    def test_who_is_not_let_in_is_told_why(self) -> None:
        self.connect()
        self.client = SSL.Connection(SSL.Context(SSL.TLS_CLIENT_METHOD), None)
        self.client.set_connect_state()
        with self.assertRaises(SSL.Error) as raised:
            self.shake_hands()
            self.hear()
        self.assertIn("certificate required", str(raised.exception))
        self.assertTrue(self.pipe.disconnecting)

    def test_nothing_waits_where_a_thread_reads(self) -> None:
        self.begin()
        lent = []

        def answer(data: bytes) -> None:
            del data
            self.transport.write(SHORT)
            before = len(self.sent)
            lent.append(self.transport.lend())
            self.assertEqual(len(self.sent), before + 1)

        self.speaker.dataReceived = answer  # type: ignore[method-assign]  # in its turn
        self.assertEqual(self.ask(), SHORT)
        self.assertEqual(lent, [None])  # a connection in memory cannot be lent


class FirstWordsTests(test_transport.TransportCase):
    """A client that has spoken by the time that it is let in."""

    def setUp(self) -> None:
        self.connect()
        with self.assertRaises(SSL.WantReadError):
            self.client.do_handshake()
        ours, self.socket = socketpair()
        self.socket.settimeout(5)
        self.addCleanup(ours.close)
        self.addCleanup(self.socket.close)
        self.reactor: Any = MemoryReactorClock()
        peer, port = ("10.0.0.1", 1), Port(0, Factory())
        self.below: Any = Accepted(ours, self.transport, peer, port, 0, self.reactor)

    def test_it_is_answered_at_once(self) -> None:
        self.socket.sendall(self.client.bio_read(1 << 16))
        self.transport.makeConnection(self.below)
        self.client.bio_write(self.socket.recv(1 << 16))
        self.client.do_handshake()

    def test_it_is_answered_later_if_it_has_not(self) -> None:
        self.transport.makeConnection(self.below)
        self.socket.sendall(self.client.bio_read(1 << 16))
        self.assertIsNone(self.below.doRead())
        self.client.bio_write(self.socket.recv(1 << 16))
        self.client.do_handshake()

    def test_failure_of_ours_ends_this_connection_alone(self) -> None:
        def fail(data: bytes) -> None:
            del data
            raise ValueError("told")

        self.transport.dataReceived = fail
        self.socket.sendall(b"hello")
        self.transport.makeConnection(self.below)
        self.reactor.advance(0)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 1)
        self.assertTrue(self.speaker.lost)


class CipherTests(test_transport.TransportCase):
    def test_the_cheapest_good_cipher_is_taken(self) -> None:
        self.connect()
        self.shake_hands()
        self.assertEqual(self.client.get_cipher_name(), "TLS_AES_128_GCM_SHA256")


class FailureTests(test_transport.TransportCase):
    def test_handshakes_that_fail_are_counted(self) -> None:
        alert = b"\x15\x03\x03\x00\x02\x02\x2a"  # "bad certificate", and the end
        for first in (b"GET / HTTP/1.1\r\n\r\n", alert):
            self.connect()
            self.transport.dataReceived(first)
            self.assertEqual(self.transport.factory.failures, 1, first)
            self.assertTrue(self.pipe.disconnecting)

    def test_handshakes_that_do_not_fail_are_not(self) -> None:
        self.connect()
        self.shake_hands()
        self.speaker.say(SHORT)
        self.assertEqual(self.hear(), SHORT)
        self.assertEqual(self.transport.factory.failures, 0)
