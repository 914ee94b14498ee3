"""Tests of ``txregistry/client/upstreams/passing.py``."""

from typing import Any

from twisted.internet.defer import Deferred

from tests.client.upstreams.case import (
    ALPINE,
    BLOB,
    DIGEST,
    NAME,
    UpstreamCase,
    blob,
    error,
    part,
)
from txregistry.client.upstreams.interfaces import Opened, UpstreamUnavailable
from txregistry.client.upstreams.limits import Limits, Patience
from txregistry.model.errors import UpstreamSilent
from txregistry.registry.mirror.rules import MirrorRule
from txregistry.registry.mirror.unkept import RemoteBlob
from txregistry.streams import IReader
from txregistry.tasks import at_once

LONG = BLOB * 20
LIMITS = Limits(concurrency=2, least=1, window=10)
PATIENCE = Patience(turn=60)


class PassingCase(UpstreamCase):
    """Open blobs for somebody else."""

    def begin(self, *, passed: bool = True) -> "Deferred[Opened | None]":
        """Begin to open a blob."""
        work = self.upstream.open_blob(ALPINE, DIGEST, passed=passed)
        opening = Deferred.fromCoroutine(work)
        self.agent.flush()
        return opening

    def open(self, *, passed: bool = True) -> IReader:
        """Open a blob."""
        opened = self.successResultOf(self.begin(passed=passed))
        assert opened is not None
        reader: IReader = opened.reader
        return reader

    def close(self, *readers: IReader) -> None:
        """Read nothing more, and expect that nothing is held."""
        for each in readers:
            self.result(each.close())
        self.assert_let_go()

    def start(self, *replies: Any) -> None:
        """Play with one turn for what is passed on."""
        self.play(*replies, limits=LIMITS, patience=PATIENCE)


class TurnTests(PassingCase):
    def test_they_have_turns_of_their_own(self) -> None:
        self.start(*[blob()] * 3)
        passed = self.open()
        fetched = [self.open(passed=False) for _ in "ab"]
        self.close(passed, *fetched)

    def test_half_as_many_as_fetches(self) -> None:
        for concurrency, turns in ((1, 1), (2, 1), (5, 2), (16, 8)):
            self.play(*[blob()] * 9, limits=Limits(concurrency=concurrency))
            begun = [self.begin() for _ in range(9)]
            opened = [each for each in begun if each.called]
            self.assertEqual(len(opened), turns)
            for each in begun:
                each.cancel()
                _ = each.addErrback(lambda _: None)
            found = [self.successResultOf(each) for each in opened]
            self.close(*[each.reader for each in found if each is not None])

    def test_fetches_are_not_in_their_way(self) -> None:
        self.start(*[blob()] * 3)
        fetched = [self.open(passed=False) for _ in "ab"]
        self.close(self.open(), *fetched)

    def test_nobody_waits_for_ever(self) -> None:
        for passed in (True, False):
            self.play(blob(), limits=Limits(concurrency=1), patience=Patience(turn=5))
            first = self.open(passed=passed)
            late = self.begin(passed=passed)
            self.clock.advance(5)
            fault = self.failureResultOf(late, UpstreamUnavailable).value
            self.assertIn("is asked for too much", fault.reason)
            self.close(first)

    def test_turn_ends_with_what_is_not_there(self) -> None:
        self.start(error(404), blob())
        self.assertIsNone(self.result(self.upstream.open_blob(ALPINE, DIGEST)))
        self.assertIsNone(self.successResultOf(self.settle(self.nothing())))

    async def nothing(self) -> None:
        """Open and close a blob."""
        opened = await self.upstream.open_blob(ALPINE, DIGEST, passed=True)
        assert opened is not None
        await opened.reader.close()
        self.assertEqual(self.upstream._passing_slots.taken, 0)


class SlowTests(PassingCase):
    def test_who_reads_slowly_makes_room_for_who_waits(self) -> None:
        self.start(blob(LONG), blob())
        slow = self.open()
        self.assertEqual(len(self.result(slow.read(100))), 100)
        waiting = self.begin()
        self.clock.advance(9.9)
        self.assertNoResult(waiting)
        self.clock.advance(0.1)
        self.agent.flush()
        opened = self.successResultOf(waiting)
        assert opened is not None
        for _ in range(2):
            fault = self.fails(slow)
            self.assertIn("was read too slowly", fault.reason)
        self.assertEqual(self.read(opened.reader), BLOB)
        self.close(slow)

    def fails(self, reader: IReader) -> UpstreamUnavailable:
        """Expect that nothing more can be read."""
        read = Deferred.fromCoroutine(reader.read(100))
        fault = self.failureResultOf(read, UpstreamUnavailable).value
        assert isinstance(fault, UpstreamUnavailable)
        return fault

    def test_nobody_is_in_the_way_where_nobody_waits(self) -> None:
        self.start(blob(LONG))
        slow = self.open()
        for _ in range(20):
            self.assertEqual(len(self.result(slow.read(100))), 100)
            self.clock.advance(100)
        self.assertEqual(self.result(slow.read(1)), b"")
        self.assert_let_go()

    def test_who_waits_later_has_room_made_soon(self) -> None:
        self.start(blob(LONG), blob())
        slow = self.open()
        self.clock.pump([5] * 201)
        waiting = self.begin()
        self.clock.advance(5)
        self.agent.flush()
        opened = self.successResultOf(waiting)
        assert opened is not None
        self.close(slow, opened.reader)

    def test_who_reads_fast_enough_goes_on(self) -> None:
        self.start(blob(LONG), blob())
        brisk = self.open()
        waiting = self.begin()
        for _ in range(4):
            self.assertEqual(len(self.result(brisk.read(160))), 160)
            self.clock.advance(10)
        self.assertNoResult(waiting)
        self.clock.advance(10)
        self.agent.flush()
        opened = self.successResultOf(waiting)
        assert opened is not None
        self.close(brisk, opened.reader)

    def test_slow_upstream_is_no_slow_reader(self) -> None:
        still = blob(BLOB, after="silence", length=len(LONG))
        self.play(still, blob(), limits=LIMITS, patience=Patience(stall=25))
        reader = self.open()
        self.assertEqual(len(self.result(reader.read(100))), 100)
        read = Deferred.fromCoroutine(reader.read(100))
        waiting = self.begin()
        self.clock.pump([9.9])
        self.assertNoResult(read)
        read.cancel()
        self.failureResultOf(read)
        self.agent.flush()
        opened = self.successResultOf(waiting)
        assert opened is not None
        self.close(reader, opened.reader)


class RemoteTests(PassingCase):
    def remote(self) -> RemoteBlob:
        """Give a blob that is not here."""
        rule = MirrorRule(self.upstream)
        return RemoteBlob(rule, ALPINE, DIGEST, len(BLOB), None, at_once)

    def test_part_of_a_cold_blob_is_passed_on(self) -> None:
        self.start(part(1, BLOB[1:]))
        reader: IReader = self.result(self.remote().open(1, 51))
        self.assertEqual(self.upstream._passing_slots.taken, 1)
        self.assertEqual(self.upstream._blob_slots.taken, 0)
        self.assertEqual(self.result(reader.read(20)), BLOB[1:21])
        self.assertEqual(self.upstream._passing_slots.taken, 1)
        self.close(reader)

    def test_turn_ends_with_the_last_byte_that_is_wanted(self) -> None:
        self.start(part(1, BLOB[1:]))
        reader: IReader = self.result(self.remote().open(1, 51))
        self.assertEqual(self.result(reader.read(50)), BLOB[1:51])
        self.assert_let_go()
        self.assertEqual(self.result(reader.read(50)), b"")
        self.close(reader)

    def test_who_waits_too_long_is_told_that(self) -> None:
        self.start(part(1, BLOB[1:]), part(1, BLOB[1:]))
        self.upstream._passing_slots._patience = 5
        first: IReader = self.result(self.remote().open(1, 51))
        late = Deferred.fromCoroutine(self.remote().open(1, 51))
        self.clock.advance(5)
        fault = self.failureResultOf(late, UpstreamSilent).value
        self.assertEqual(fault.detail, {"upstream": NAME})
        self.close(first)
