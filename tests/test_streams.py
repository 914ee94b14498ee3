"""Tests of ``txregistry/streams.py``."""

from collections.abc import Callable, Iterable
from typing import ParamSpec, TypeVar, cast

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IConsumer, IProducer, IPushProducer
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from txregistry.streams import (
    CHUNK,
    BytesReader,
    ILending,
    IPieces,
    IReader,
    Peeking,
    Pump,
    hand_over,
    read_all,
    read_pieces,
    read_through,
)
from txregistry.tasks import at_once

P = ParamSpec("P")
T = TypeVar("T")


@implementer(IPieces)
class PiecesReader:
    """Read pieces as they are."""

    def __init__(self, pieces: list[bytes]) -> None:
        self.pieces = list(pieces)
        self.closed = False

    async def read(self, limit: int) -> bytes:
        """See `IReader`."""
        return b"".join(await self.read_pieces(limit))

    async def read_pieces(self, limit: int, least: int = 1) -> list[bytes]:
        """See `IPieces`."""
        found: list[bytes] = []
        while self.pieces and (not found or sum(map(len, found)) < least):
            piece = self.pieces.pop(0)
            if len(piece) > limit:
                self.pieces.insert(0, piece[limit:])
                piece = piece[:limit]
            found.append(piece)
            limit -= len(piece)
        return found

    async def close(self) -> None:
        """See `IReader`."""
        self.closed = True


@implementer(IConsumer)
class Sink:
    """Take bytes, and do something at each write."""

    def __init__(self) -> None:
        self.taken: list[bytes] = []
        self.producer: IPushProducer | None = None
        self.pause_after = -1
        self.leave_after = -1

    def registerProducer(self, producer: IProducer, streaming: bool) -> None:  # noqa: FBT001 - Twisted's
        """See ``IConsumer``."""
        assert streaming
        self.producer = IPushProducer(producer)

    def unregisterProducer(self) -> None:
        """See ``IConsumer``."""
        self.producer = None

    def write(self, data: bytes) -> None:
        """See ``IConsumer``."""
        self.taken.append(data)
        assert self.producer is not None
        if len(self.taken) == self.pause_after:
            self.producer.pauseProducing()
        if len(self.taken) == self.leave_after:
            self.producer.stopProducing()


PIECES = st.lists(st.binary(min_size=1, max_size=9), max_size=9)


class BytesReaderTests(SynchronousTestCase):
    def test_interface(self) -> None:
        self.assertTrue(verifyObject(IReader, BytesReader(b"")))

    @given(st.binary(), st.integers(1, 9))
    def test_gives_everything_in_order(self, data: bytes, limit: int) -> None:
        reader = BytesReader(data)
        found = []
        while piece := self.successResultOf(Deferred.fromCoroutine(reader.read(limit))):
            self.assertLessEqual(len(piece), limit)
            found.append(piece)
        self.assertEqual(b"".join(found), data)


class ReadAllTests(SynchronousTestCase):
    def read_all(self, reader: IReader, limit: int) -> bytes | None:
        return self.successResultOf(Deferred.fromCoroutine(read_all(reader, limit)))

    @given(PIECES)
    def test_gives_everything(self, pieces: list[bytes]) -> None:
        whole = b"".join(pieces)
        self.assertEqual(self.read_all(PiecesReader(pieces), len(whole)), whole)

    @given(PIECES.filter(bool))
    def test_more_than_the_limit_is_not_given(self, pieces: list[bytes]) -> None:
        limit = len(b"".join(pieces)) - 1
        self.assertIsNone(self.read_all(PiecesReader(pieces), limit))

    def test_more_than_the_limit_is_not_read(self) -> None:
        reader = PiecesReader([b"x"] * 100)
        self.read_all(reader, 10)
        self.assertEqual(len(reader.pieces), 89)

    def test_closes(self) -> None:
        reader = PiecesReader([b"abc"])
        self.read_all(reader, 1)
        self.assertTrue(reader.closed)

    def test_any_reader_gives_pieces(self) -> None:
        work = read_pieces(BytesReader(b"abc"), 2)
        self.assertEqual(self.successResultOf(Deferred.fromCoroutine(work)), [b"ab"])

    def test_pieces_stay_as_they_are(self) -> None:
        work = read_pieces(PiecesReader([b"a", b"bc", b"d"]), 9, least=2)
        found = self.successResultOf(Deferred.fromCoroutine(work))
        self.assertEqual(found, [b"a", b"bc"])


class ReadThroughTests(SynchronousTestCase):
    @given(PIECES)
    def test_hands_on_everything_in_order(self, pieces: list[bytes]) -> None:
        reader, taken = PiecesReader(pieces), bytearray()
        work = read_through(reader, at_once, taken.extend)
        self.successResultOf(Deferred.fromCoroutine(work))
        self.assertEqual((bytes(taken), reader.closed), (b"".join(pieces), True))

    def test_hands_on_many_pieces_at_once(self) -> None:
        jobs: list[object] = []

        def blocking(
            work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
        ) -> Deferred[T]:
            jobs.append(work)
            return at_once(work, *args, **kwargs)

        taken: list[bytes] = []
        pieces = [b"x" * (CHUNK // 4)] * 9
        work = read_through(PiecesReader(pieces), blocking, taken.append)
        self.successResultOf(Deferred.fromCoroutine(work))
        self.assertEqual((len(jobs), taken), (3, pieces))

    def test_closes_where_the_work_fails(self) -> None:
        reader = PiecesReader([b"abc", b"def"])
        work = read_through(reader, at_once, lambda piece: 1 // (len(piece) - 3))
        self.failureResultOf(Deferred.fromCoroutine(work), ZeroDivisionError)
        self.assertTrue(reader.closed)


@implementer(ILending)
class LendingReader:
    """Lend what gives numbers, so many to each who borrows at most.

    Args:
        count: How many there are.
    """

    def __init__(self, count: int) -> None:
        self.left = list(range(count))
        self.lent = 0
        self.is_lent = False

    def lend(self) -> Callable[[int], list[bytes]] | None:
        """See `ILending`."""
        self.lent += 1
        self.is_lent = True
        return lambda _: [bytes([self.left.pop(0)])] if self.left else []

    def give_back(self) -> None:
        """See `ILending`."""
        self.is_lent = False

    async def read(self, limit: int) -> bytes:
        """See `IReader`."""
        raise NotImplementedError

    async def close(self) -> None:
        """See `IReader`."""


class HandOverTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.taken: list[list[bytes]] = []

    def hand_over(self, reader: object, pieces: list[bytes]) -> Deferred[None]:
        def take(batches: Iterable[list[bytes]]) -> None:
            self.taken += batches

        work = hand_over(cast("IReader", reader), at_once, take, pieces)
        return Deferred.fromCoroutine(work)

    def test_what_lends_nothing_has_given_all(self) -> None:
        self.successResultOf(self.hand_over(PiecesReader([b"x"]), [b"a", b"b"]))
        self.assertEqual(self.taken, [[b"a", b"b"]])

    def test_takes_what_there_is_next(self) -> None:
        for count in (0, 1, 15, 16, 17, 32, 100):
            self.taken = []
            reader = LendingReader(count)
            self.successResultOf(self.hand_over(reader, [b"first"]))
            self.assertEqual(
                self.taken, [[b"first"], *([bytes([n])] for n in range(count))]
            )
            self.assertFalse(reader.is_lent)

    def test_others_have_their_turn(self) -> None:
        reader = LendingReader(100)
        self.successResultOf(self.hand_over(reader, [b"first"]))
        self.assertEqual(reader.lent, 7)

    def test_gives_back_where_the_work_fails(self) -> None:
        reader = LendingReader(1)

        def take(batches: Iterable[list[bytes]]) -> None:
            raise ZeroDivisionError(batches)

        work = hand_over(cast("IReader", reader), at_once, take, [])
        self.failureResultOf(Deferred.fromCoroutine(work), ZeroDivisionError)
        self.assertFalse(reader.is_lent)


class PumpTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.sink = Sink()
        self.reader = PiecesReader([b"ab", b"c", b"d"])

    def run_pump(self, pump: Pump) -> Deferred[None]:
        return Deferred.fromCoroutine(pump.run())

    def test_interface(self) -> None:
        self.assertTrue(verifyObject(IPushProducer, Pump(self.reader, self.sink)))

    def test_moves_everything(self) -> None:
        self.successResultOf(self.run_pump(Pump(self.reader, self.sink)))
        self.assertEqual(self.sink.taken, [b"ab", b"c", b"d"])

    def test_moves_no_more_at_once_than_a_chunk(self) -> None:
        reader = BytesReader(b"x" * (2 * CHUNK + 1))
        self.successResultOf(self.run_pump(Pump(reader, self.sink)))
        self.assertEqual([len(data) for data in self.sink.taken], [CHUNK, CHUNK, 1])

    def test_unregisters_at_the_end(self) -> None:
        self.successResultOf(self.run_pump(Pump(self.reader, self.sink)))
        self.assertIsNone(self.sink.producer)

    def test_closes_the_reader_at_the_end(self) -> None:
        self.successResultOf(self.run_pump(Pump(self.reader, self.sink)))
        self.assertTrue(self.reader.closed)

    def test_tells_progress(self) -> None:
        told: list[int] = []
        pump = Pump(self.reader, self.sink, told.append)
        self.successResultOf(self.run_pump(pump))
        self.assertEqual(told, [2, 1, 1])

    def test_waits_while_it_is_paused(self) -> None:
        self.sink.pause_after = 1
        self.assertNoResult(self.run_pump(Pump(self.reader, self.sink)))
        self.assertEqual(self.sink.taken, [b"ab"])

    def test_goes_on_when_it_is_resumed(self) -> None:
        self.sink.pause_after = 1
        pump = Pump(self.reader, self.sink)
        done = self.run_pump(pump)
        pump.resumeProducing()
        self.successResultOf(done)
        self.assertEqual(self.sink.taken, [b"ab", b"c", b"d"])

    def test_is_cancelled_when_the_consumer_leaves(self) -> None:
        self.sink.leave_after = 1
        failure = self.failureResultOf(self.run_pump(Pump(self.reader, self.sink)))
        self.assertTrue(failure.check(CancelledError))

    def test_is_cancelled_when_the_consumer_leaves_in_a_pause(self) -> None:
        self.sink.pause_after = 1
        pump = Pump(self.reader, self.sink)
        done = self.run_pump(pump)
        pump.stopProducing()
        self.failureResultOf(done, CancelledError)
        self.assertEqual(self.sink.taken, [b"ab"])

    def test_closes_the_reader_when_the_consumer_leaves(self) -> None:
        self.sink.leave_after = 1
        self.failureResultOf(self.run_pump(Pump(self.reader, self.sink)))
        self.assertTrue(self.reader.closed)


class PeekingTests(SynchronousTestCase):
    """`Peeking` gives what the reader behind it gives, looked at or not."""

    @given(
        st.lists(st.binary(min_size=1, max_size=9)),
        st.lists(st.tuples(st.booleans(), st.integers(1, 9), st.integers(1, 9))),
    )
    def test_gives_the_same(
        self, pieces: list[bytes], steps: list[tuple[bool, int, int]]
    ) -> None:
        whole = b"".join(pieces)
        reader, given_ = Peeking(BytesReader(whole)), b""
        for looks, limit, least in steps:
            if looks:
                empty = self.successResultOf(Deferred.fromCoroutine(reader.is_empty()))
                self.assertEqual(empty, given_ == whole)
            found = self.successResultOf(
                Deferred.fromCoroutine(reader.read_pieces(limit, min(least, limit)))
            )
            self.assertNotIn(b"", found)
            self.assertLessEqual(len(b"".join(found)), limit)
            self.assertEqual(bool(found), given_ != whole)
            given_ += b"".join(found)
        rest = self.successResultOf(Deferred.fromCoroutine(read_all(reader, 1000)))
        self.assertEqual(given_ + (rest or b""), whole)
