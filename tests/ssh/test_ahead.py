"""Tests of ``txregistry/ssh/ahead.py``."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer

from txregistry.ssh.ahead import AheadReader
from txregistry.streams import BytesReader, IReader


@implementer(IReader)
class Scripted:
    """Give what somebody says, when they say it."""

    def __init__(self) -> None:
        self.asked: list[Deferred[bytes]] = []
        self.closed = 0

    async def read(self, limit: int) -> bytes:
        """See `IReader`."""
        asked: Deferred[bytes] = Deferred()
        self.asked.append(asked)
        return await asked

    async def close(self) -> None:
        """See `IReader`."""
        self.closed += 1


class AheadTests(SynchronousTestCase):
    @given(st.binary(max_size=100), st.integers(1, 30))
    def test_gives_what_there_is(self, data: bytes, limit: int) -> None:
        async def read() -> bytes:
            reader, found = AheadReader(BytesReader(data)), b""
            while piece := await reader.read(limit):
                found += piece
            await reader.close()
            return found

        self.assertEqual(self.successResultOf(Deferred.fromCoroutine(read())), data)

    def test_the_next_piece_is_read_meanwhile(self) -> None:
        source = Scripted()
        reader = AheadReader(source)
        first = Deferred.fromCoroutine(reader.read(10))
        self.assertEqual(len(source.asked), 1)
        source.asked[0].callback(b"first")
        self.assertEqual(self.successResultOf(first), b"first")
        self.assertEqual(len(source.asked), 2)
        source.asked[1].callback(b"")
        second = Deferred.fromCoroutine(reader.read(10))
        self.assertEqual(self.successResultOf(second), b"")
        self.assertEqual(len(source.asked), 2)

    def test_a_failure_comes_when_it_is_its_turn(self) -> None:
        source = Scripted()
        reader = AheadReader(source)
        first = Deferred.fromCoroutine(reader.read(10))
        source.asked[0].callback(b"first")
        source.asked[1].errback(ValueError())
        self.assertEqual(self.successResultOf(first), b"first")
        self.failureResultOf(Deferred.fromCoroutine(reader.read(10)), ValueError)

    def test_closing_ends_what_is_being_read(self) -> None:
        source = Scripted()
        reader = AheadReader(source)
        first = Deferred.fromCoroutine(reader.read(10))
        source.asked[0].callback(b"first")
        self.successResultOf(first)
        self.successResultOf(Deferred.fromCoroutine(reader.close()))
        self.assertTrue(source.asked[1].called)
        self.assertEqual(source.closed, 1)
