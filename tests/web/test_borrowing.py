"""Tests of bodies that a thread reads for a while."""

from functools import partial
from socket import socketpair

from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from tests.web.exchange import chunked
from txregistry.web.borrowing import Borrowed, borrow, receive_from
from txregistry.web.chunked import ChunkedDecoder
from txregistry.web.lengths import LengthDecoder


class BorrowingTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.told: list[bytes] = []
        self.client, self.server = socketpair()
        for each in (self.client, self.server):
            self.addCleanup(each.close)
            each.setblocking(False)

    def borrow(self, length: int | None = None) -> Borrowed:
        tell, receive = self.told.append, partial(receive_from, self.server)
        if length is None:
            self.decoder = ChunkedDecoder(tell, tell)
            return Borrowed(receive, self.decoder)
        return Borrowed(receive, LengthDecoder(length, tell, tell))

    def test_gives_what_is_there(self) -> None:
        borrowed = self.borrow(100)
        self.client.send(b"abc")
        self.assertEqual(borrowed.read(50), [b"abc"])
        self.assertEqual(borrowed.read(50), [])
        self.assertEqual((borrowed.received, borrowed.rest), (3, None))

    def test_gives_no_more_than_is_wanted(self) -> None:
        borrowed = self.borrow(100)
        self.client.send(b"abcdef")
        self.assertEqual(b"".join(borrowed.read(4)), b"abcd")
        self.assertEqual(b"".join(borrowed.read(4)), b"ef")

    def test_nothing_is_borrowed_of_a_transport_of_another_kind(self) -> None:
        self.assertIsNone(borrow(StringTransport()))

    def test_framing_may_be_cut_anywhere(self) -> None:
        wire = chunked(b"ab", b"c" * 20) + b"GET"
        for size in range(1, len(wire)):
            borrowed, found = self.borrow(), b""
            for place in range(0, len(wire), size):
                self.client.send(wire[place : place + size])
                found += b"".join(borrowed.read(50))
            rest = (borrowed.rest or b"") + self.left()
            self.assertEqual((found, rest), (b"ab" + b"c" * 20, b"GET"), size)

    def left(self) -> bytes:
        """Give what nobody has read."""
        try:
            return self.server.recv(99)
        except BlockingIOError:
            return b""

    def test_what_has_not_come_takes_nothing_away(self) -> None:
        borrowed = self.borrow()
        self.client.send(b"3")
        self.assertEqual((borrowed.read(50), borrowed.read(50)), ([], []))
        self.client.send(b"\r\nabc\r\n0\r\n\r\n")
        self.assertEqual(b"".join(borrowed.read(50)), b"abc")

    def test_many_small_pieces_are_few(self) -> None:
        borrowed = self.borrow()
        self.client.send(chunked(*([b"x"] * 1000)))
        pieces = borrowed.read(50_000)
        self.assertEqual((len(pieces), b"".join(pieces)), (1, b"x" * 1000))

    def test_what_is_ground_is_left_to_the_reactor(self) -> None:
        borrowed = self.borrow()
        for _ in range(2):
            self.client.send(chunked(*([b"x"] * 100))[:-5])
        self.assertEqual(len(b"".join(borrowed.read(600))), 100)

    def test_much_framing_is_not_read_without_end(self) -> None:
        borrowed = self.borrow()
        line = b"1;" + b"e" * 900 + b"\r\nx\r\n"
        self.client.send(line * 100)
        self.assertLess(len(b"".join(borrowed.read(1000))), 10)

    def test_ends_with_the_body(self) -> None:
        for length, wire in ((5, b"abcde"), (None, chunked(b"ab", b"cde"))):
            borrowed = self.borrow(length)
            self.client.send(wire + b"GET")
            self.assertEqual(b"".join(borrowed.read(50)), b"abcde")
            self.assertEqual((borrowed.received, borrowed.rest), (5, b"GET"))
            self.client.send(b" /")
            self.assertEqual(borrowed.read(50), [])
            self.assertEqual(self.server.recv(9), b" /")

    def test_what_cannot_be_read_is_not_read(self) -> None:
        borrowed = self.borrow()
        self.client.send(b"2\r\nabX\r\n")
        self.assertEqual(borrowed.read(50), [b"ab"])
        self.assertTrue(borrowed.is_broken)

    def test_a_client_that_left_gives_nothing(self) -> None:
        borrowed = self.borrow(100)
        self.client.send(b"abc")
        self.client.close()
        self.assertEqual(borrowed.read(50), [b"abc"])
        self.assertEqual((borrowed.read(50), borrowed.rest), ([], None))

    def test_a_socket_that_fails_gives_nothing(self) -> None:
        borrowed = self.borrow(100)
        self.server.close()
        self.assertEqual(borrowed.read(50), [])

    def test_what_is_given_back_tells_the_connection_again(self) -> None:
        borrowed = self.borrow()
        self.client.send(b"3\r\nab")
        self.assertEqual(borrowed.read(50), [b"ab"])
        self.decoder.dataReceived(b"c\r\n0\r\n\r\nrest")
        self.assertEqual(self.told, [b"c", b"rest"])
