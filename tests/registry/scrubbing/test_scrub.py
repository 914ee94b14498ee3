"""Tests of ``txregistry/registry/scrubbing/scrub.py``."""

from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs

from tests.registry.case import NAME, V1, RegistryTestCase
from tests.registry.content import LAYER, numbered
from txregistry.model.digest import Digest
from txregistry.registry.quarantine import Quarantine
from txregistry.registry.scrubbing import scrub
from txregistry.registry.scrubbing.scrub import Scrub
from txregistry.registry.scrubbing.state import ScrubState, read_state
from txregistry.storage import keys
from txregistry.storage.interfaces import StorageUnavailable
from txregistry.tasks import at_once

DAY = 86_400.0


class ScrubTests(RegistryTestCase):
    def setUp(self) -> None:
        super().setUp()
        self.push_blobs()
        self.push(numbered(1), V1)
        self.tended = 0

    def make_scrub(self, rate: int | None = None) -> Scrub:
        """Make what scrubs: another node, or the same after a restart."""
        return Scrub(self.store, Quarantine(self.store), self.clock, at_once, rate)

    async def tend(self) -> None:
        """Say that it goes on."""
        self.tended += 1

    def scrub(self) -> ScrubState:
        """Do a pass."""
        return self.result(self.make_scrub().run(self.tend))

    def rot(self, data: bytes, other: bytes) -> None:
        """Change some content in the store."""
        self.put(keys.blob(Digest.of(data)), other)

    def test_sound_content_is_left_alone(self) -> None:
        before = self.keys(keys.ROOT)
        state = self.scrub()
        self.assertEqual((state.blobs, state.found), (3, 0))
        self.assertGreater(state.bytes, 0)
        self.assertEqual(self.keys(keys.ROOT), before)

    def test_rotten_content_is_taken_away_and_comes_back(self) -> None:
        for rotten in (b"x" + LAYER[1:], LAYER[:-1], b""):
            self.rot(LAYER, rotten)
            with capturedLogs() as logs:
                state = self.scrub()
            self.assertEqual(state.rotten, [Digest.of(LAYER).encoded])
            self.assertIn("rotted", str(logs[0]["log_format"]))
            held = self.registry.blobs.holds(NAME, Digest.of(LAYER))
            self.assertFalse(self.result(held))
            self.assertEqual(self.get(keys.quarantined(Digest.of(LAYER))), rotten)
            self.push_blob(LAYER)
            self.assertEqual(self.pull_blob(Digest.of(LAYER)), LAYER)

    def test_it_goes_on_where_it_was(self) -> None:
        first, second, third = sorted(
            Digest.of(data).encoded for data in (b"{}", LAYER, numbered(1))
        )
        self.patch(scrub, "_OFTEN", 0)
        slow = self.make_scrub(rate=1024)
        begun = Deferred.fromCoroutine(slow.run(self.tend))
        for _ in range(2000):
            self.clock.advance(1)
            if self.tended:
                break
        begun.cancel()
        self.failureResultOf(begun)
        state = self.result(read_state(self.store))
        self.assertIn(state.after, (first, second))
        self.assertFalse(state.ended)
        self.assertEqual(self.result(self.make_scrub().due(DAY)), 0)
        ended = self.scrub()
        self.assertEqual((ended.blobs, ended.after), (3, third))
        self.assertEqual(ended.begun, state.begun)

    def test_it_is_time_again(self) -> None:
        self.scrub()
        self.assertEqual(self.result(self.make_scrub().due(DAY)), DAY)
        self.clock.advance(DAY - 10)
        self.assertEqual(self.result(self.make_scrub().due(DAY)), 10)
        self.clock.advance(10)
        self.assertEqual(self.result(self.make_scrub().due(DAY)), 0)
        self.assertEqual(self.scrub().blobs, 3)

    def test_clock_that_was_wrong_does_not_stop_it(self) -> None:
        self.scrub()
        self.clock.rightNow -= 365 * DAY
        self.assertEqual(self.result(self.make_scrub().due(DAY)), 0)

    def test_no_more_is_read_in_a_second_than_may_be(self) -> None:
        size = 10_000
        self.push_blob(b"x" * size)
        begun = Deferred.fromCoroutine(self.make_scrub(rate=1000).run(self.tend))
        now = self.clock.seconds()
        for _ in range(1000):
            if begun.called:
                break
            self.clock.advance(0.5)
        self.successResultOf(begun)
        self.assertGreater(self.clock.seconds() - now, size / 1000 - 2)

    def test_who_lost_the_right_ends(self) -> None:
        async def lost() -> None:
            raise StorageUnavailable("somebody else scrubs")

        self.fails(StorageUnavailable, self.make_scrub().run(lost))
