"""Tests of ``txregistry/transfer/images/passing.py``."""

from collections.abc import Coroutine
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase

from txregistry.streams import BytesReader
from txregistry.transfer.images.passing import Joined, Passing

HELD = 64 * 1024
STEP = 512 * 1024


class _Sink:
    def __init__(self) -> None:
        self.data = b""

    async def write(self, data: bytes) -> None:
        self.data += data


class PassingTests(SynchronousTestCase):
    def result(self, work: Coroutine[Any, Any, Any]) -> Any:
        """Give what some work comes to."""
        return self.successResultOf(Deferred.fromCoroutine(work))

    @given(st.integers(0, 2_000_000), st.integers(1000, 200_000))
    def test_the_end_is_held_back(self, size: int, step: int) -> None:
        data, sink = bytes(size), _Sink()
        passing = Passing(BytesReader(data), sink)
        found = b""
        while piece := self.result(passing.read(step)):
            found += piece
        self.assertEqual(len(found), size)
        held = size - len(sink.data)
        self.assertGreaterEqual(held, min(size, HELD))
        self.assertLessEqual(held, STEP + HELD + step)
        self.result(passing.finish())
        self.assertEqual(len(sink.data), size)

    def test_it_is_what_was_read(self) -> None:
        data, sink = bytes(range(256)) * 1000, _Sink()
        passing = Passing(BytesReader(data), sink)
        while self.result(passing.read(1000)):
            self.assertTrue(data.startswith(sink.data))
        self.result(passing.finish())
        self.assertEqual(sink.data, data)

    @given(st.binary(max_size=50), st.binary(max_size=50), st.integers(1, 20))
    def test_one_after_the_other(self, one: bytes, two: bytes, step: int) -> None:
        joined = Joined(BytesReader(one), BytesReader(two))
        found = b""
        while piece := self.result(joined.read(step)):
            found += piece
        self.assertEqual(found, one + two)
        self.result(joined.close())
