"""Tests of bodies that are handed over as they arrive."""

import tracemalloc
from functools import partial
from socket import socketpair

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from txregistry.model.errors import BodyInvalid
from txregistry.streams import ILending, IPieces
from txregistry.web.body import RequestBody
from txregistry.web.borrowing import Borrowed, receive_from
from txregistry.web.lengths import LengthDecoder

_SHARE = 100


class _Connection:
    """Where a body comes from."""

    def __init__(self) -> None:
        self.reading = True
        self.continued = 0
        self.borrowed: Borrowed | None = None
        self.returned: list[Borrowed] = []

    def stop_reading(self) -> None:
        """See `Flow`."""
        self.reading = False

    def go_on_reading(self) -> None:
        """See `Flow`."""
        self.reading = True

    def send_continue(self) -> None:
        """See `Flow`."""
        self.continued += 1

    def lend(self) -> Borrowed | None:
        """See `Flow`."""
        return self.borrowed

    def give_back(self, borrowed: Borrowed) -> None:
        """See `Flow`."""
        self.returned.append(borrowed)


class BodyTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.connection = _Connection()
        self.body = RequestBody(self.connection, 1000, _SHARE, owes_continue=False)

    def read(self, limit: int, least: int = 1) -> "Deferred[list[bytes]]":
        return Deferred.fromCoroutine(self.body.read_pieces(limit, least))

    def come(self, data: bytes) -> None:
        """Let some bytes come in."""
        self.body.arrived(data)
        self.body.settle()

    def test_interface(self) -> None:
        self.assertTrue(verifyObject(IPieces, self.body))

    def test_gives_what_is_there(self) -> None:
        self.come(b"abc")
        self.come(b"de")
        self.assertEqual(self.successResultOf(self.read(10)), [b"abcde"])

    def test_gives_no_more_than_is_wanted(self) -> None:
        self.come(b"abc")
        self.come(b"de")
        found = [self.successResultOf(self.read(2)) for _ in range(3)]
        self.assertEqual(found, [[b"ab"], [b"cd"], [b"e"]])

    def test_read_joins(self) -> None:
        self.come(b"abc")
        self.come(b"de")
        read = Deferred.fromCoroutine(self.body.read(10))
        self.assertEqual(self.successResultOf(read), b"abcde")

    def test_waits_for_what_is_to_come(self) -> None:
        found = self.read(10)
        self.assertNoResult(found)
        self.come(b"abc")
        self.assertEqual(self.successResultOf(found), [b"abc"])

    def test_waits_for_as_much_as_is_wanted(self) -> None:
        found = self.read(100, least=5)
        self.come(b"abc")
        self.assertNoResult(found)
        self.come(b"de")
        self.assertEqual(self.successResultOf(found), [b"abcde"])

    def test_does_not_wait_for_more_than_may_wait_here(self) -> None:
        found = self.read(10_000, least=10_000)
        self.come(b"x" * _SHARE)
        self.assertEqual(self.successResultOf(found), [b"x" * _SHARE])

    def test_ends(self) -> None:
        found = self.read(100, least=50)
        self.come(b"abc")
        self.body.finish()
        self.assertEqual(self.successResultOf(found), [b"abc"])
        self.assertEqual(self.successResultOf(self.read(100)), [])
        self.assertTrue(self.body.complete)

    def test_knows_how_much_is_to_come(self) -> None:
        self.come(b"abc")
        self.assertEqual((self.body.received, self.body.remaining), (3, 997))
        endless = RequestBody(self.connection, None, _SHARE, owes_continue=False)
        self.assertIsNone(endless.remaining)

    def test_lets_the_client_wait(self) -> None:
        self.come(b"x" * (_SHARE - 1))
        self.assertTrue(self.connection.reading)
        self.come(b"x")
        self.assertEqual((self.connection.reading, self.body.paused), (False, True))

    def test_reads_on_when_there_is_room(self) -> None:
        self.come(b"x" * _SHARE)
        self.successResultOf(self.read(1))
        self.assertEqual((self.connection.reading, self.body.paused), (True, False))

    def test_does_not_read_on_without_room(self) -> None:
        self.come(b"x" * (2 * _SHARE))
        self.successResultOf(self.read(_SHARE))
        self.assertFalse(self.connection.reading)

    def test_reads_on_at_the_end_to_see_the_client_leave(self) -> None:
        self.come(b"x" * _SHARE)
        self.body.finish()
        self.assertTrue(self.connection.reading)

    def test_a_failure_reaches_who_waits(self) -> None:
        found = self.read(10)
        self.body.fail(BodyInvalid("bad"))
        self.failureResultOf(found, BodyInvalid)

    def test_a_failure_reaches_who_comes_later(self) -> None:
        self.come(b"abc")
        self.body.fail(BodyInvalid("bad"))
        self.failureResultOf(self.read(10), BodyInvalid)

    def test_a_client_that_leaves_is_a_cancellation(self) -> None:
        found = self.read(10)
        self.body.leave()
        self.failureResultOf(found, CancelledError)

    def test_who_waits_can_be_cancelled(self) -> None:
        found = self.read(10)
        found.cancel()
        self.failureResultOf(found, CancelledError)
        self.come(b"abc")
        self.assertEqual(self.successResultOf(self.read(10)), [b"abc"])

    def test_what_is_discarded_does_not_stay(self) -> None:
        self.come(b"x" * _SHARE)
        self.body.discard()
        self.assertTrue(self.connection.reading)
        for _ in range(10):
            self.come(b"x" * _SHARE)
        self.assertTrue(self.connection.reading)
        self.assertEqual(self.body.received, 11 * _SHARE)


class SmallPiecesTests(SynchronousTestCase):
    """What waits takes memory by its bytes, not by its pieces."""

    def setUp(self) -> None:
        self.body = RequestBody(_Connection(), None, 1 << 20, owes_continue=False)

    def come(self, data: bytes, size: int, turn: int) -> None:
        """Let bytes come in small pieces, many of them in each turn."""
        for start in range(0, len(data), turn):
            for place in range(start, min(start + turn, len(data)), size):
                self.body.arrived(data[place : min(place + size, start + turn)])
            self.body.settle()

    def read(self) -> bytes:
        """Read what waits."""
        pieces = self.successResultOf(Deferred.fromCoroutine(self.read_all()))
        return b"".join(pieces)

    async def read_all(self) -> list[bytes]:
        """Read what waits, as the pieces that there are."""
        return await self.body.read_pieces(1 << 20)

    def test_they_take_little_more_than_they_hold(self) -> None:
        data = bytes(range(256)) * 250
        for turn in (2, 1000, len(data)):
            tracemalloc.start()
            self.come(data, 2, turn)
            held, _ = tracemalloc.get_traced_memory()
            tracemalloc.stop()
            self.assertLess(held, 3 * len(data), turn)
            self.assertTrue(self.read() == data)

    def test_they_stay_in_their_order(self) -> None:
        wanted = b""
        for number, size in enumerate((1, 5000, 3, 4095, 4096, 2, 2, 70_000, 1)):
            data = bytes([number]) * size
            self.body.arrived(data)
            wanted += data
            if number % 3 == 0:
                self.body.settle()
        self.body.finish()
        self.assertFalse(self.body.ended)
        self.assertTrue(self.read() == wanted)
        self.assertTrue(self.body.ended)


class LendingTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.connection = _Connection()
        self.body = RequestBody(self.connection, 1000, _SHARE, owes_continue=False)
        client, server = socketpair()
        self.addCleanup(client.close)
        self.addCleanup(server.close)
        server.setblocking(False)
        client.send(b"abc")
        decoder = LengthDecoder(1000, self.body.arrived, self.body.arrived)
        self.connection.borrowed = Borrowed(partial(receive_from, server), decoder)

    def test_interface(self) -> None:
        self.assertTrue(verifyObject(ILending, self.body))

    def test_a_thread_reads_from_the_connection(self) -> None:
        read = self.body.lend()
        assert read is not None
        self.assertEqual(read(10), [b"abc"])
        self.body.give_back()
        self.assertEqual(self.connection.returned, [self.connection.borrowed])
        self.assertEqual(self.body.received, 3)

    def test_a_connection_may_lend_nothing(self) -> None:
        self.connection.borrowed = None
        self.assertIsNone(self.body.lend())
        self.body.give_back()
        self.assertEqual(self.connection.returned, [])

    def test_what_came_before_is_to_be_read_first(self) -> None:
        self.body.arrived(b"abc")
        self.assertIsNone(self.body.lend())

    def test_nothing_is_lent_at_the_end(self) -> None:
        self.body.finish()
        self.assertIsNone(self.body.lend())

    def test_nothing_is_lent_of_what_comes_in_small_pieces(self) -> None:
        for _ in range(100):
            self.body.arrived(b"x")
        self.successResultOf(Deferred.fromCoroutine(self.body.read(100)))
        self.assertIsNone(self.body.lend())

    def test_nothing_is_lent_of_what_has_failed(self) -> None:
        self.body.fail(BodyInvalid("bad"))
        self.assertIsNone(self.body.lend())


class ContinueTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.connection = _Connection()
        self.body = RequestBody(self.connection, 9, _SHARE, owes_continue=True)

    def come(self, data: bytes) -> None:
        """Let some bytes come in."""
        self.body.arrived(data)
        self.body.settle()

    def test_is_said_when_the_body_is_wanted(self) -> None:
        self.assertEqual(self.connection.continued, 0)
        _ = Deferred.fromCoroutine(self.body.read(10))
        self.assertEqual(self.connection.continued, 1)

    def test_is_said_once(self) -> None:
        for _ in range(3):
            found = Deferred.fromCoroutine(self.body.read(10))
            self.come(b"abc")
            self.assertEqual(self.successResultOf(found), b"abc")
        self.assertEqual(self.connection.continued, 1)

    def test_is_not_said_to_who_did_not_wait(self) -> None:
        self.come(b"abc")
        found = Deferred.fromCoroutine(self.body.read(10))
        self.assertEqual(self.successResultOf(found), b"abc")
        self.assertEqual(self.connection.continued, 0)
