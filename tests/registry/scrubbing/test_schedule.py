"""Tests of ``txregistry/registry/scrubbing/schedule.py``."""

from twisted.logger import capturedLogs

from tests.metrics.figures import samples
from tests.registry.case import RegistryTestCase
from tests.registry.faulty import FaultyStore
from txregistry.registry.collection.lease import Lease
from txregistry.registry.quarantine import Quarantine
from txregistry.registry.scrubbing.schedule import ScrubSchedule
from txregistry.registry.scrubbing.scrub import Scrub
from txregistry.registry.scrubbing.state import read_state
from txregistry.storage import keys
from txregistry.storage.interfaces import IObjectStore
from txregistry.tasks import at_once

DAY = 86_400.0


class ScheduleTests(RegistryTestCase):
    def make_store(self) -> IObjectStore:
        self.faulty = FaultyStore(self.clock)
        return self.faulty

    def setUp(self) -> None:
        super().setUp()
        self.push_blobs()
        self.first = self.make_schedule("first")

    def make_schedule(self, owner: str) -> ScrubSchedule:
        """Make what scrubs on some node."""
        scrub = Scrub(self.store, Quarantine(self.store), self.clock, at_once, None)
        lease = Lease(self.store, owner, self.clock, keys.scrub_lease())
        return ScrubSchedule(scrub, lease, DAY, self.clock, self.registry.counts.scrub)

    def pass_time(self, seconds: float) -> None:
        """Let time pass, in small steps."""
        for _ in range(int(seconds)):
            self.clock.advance(1)

    def ended(self) -> float:
        """Say when the last pass ended."""
        return self.result(read_state(self.store)).ended

    def test_it_begins_soon_and_again_when_it_is_time(self) -> None:
        self.first.start()
        self.assertFalse(self.ended())
        self.pass_time(200)
        first = self.ended()
        self.assertTrue(first)
        self.pass_time(DAY - 1000)
        self.assertEqual(self.ended(), first)
        self.pass_time(2000)
        self.assertGreater(self.ended(), first)
        self.first.stop()

    def test_what_the_last_pass_found_is_counted(self) -> None:
        counts = self.registry.counts
        self.assertEqual(counts.scrub.families(), [])
        self.first.start()
        self.pass_time(200)
        self.first.stop()
        found = samples(counts.families())
        state = self.result(read_state(self.store))
        for name, value in (
            ("passes_total", 1),
            ("last_blobs", state.blobs),
            ("last_bytes", state.bytes),
            ("last_rotten_blobs", 0),
            ("last_unreadable_blobs", 0),
            ("last_timestamp_seconds", state.ended),
        ):
            self.assertEqual(found[f"txregistry_scrub_{name}", ()], value)
        self.assertGreater(state.blobs, 0)

    def test_one_node_does_it(self) -> None:
        second = self.make_schedule("second")
        self.first.start()
        second.start()
        with capturedLogs() as logs:
            self.pass_time(2000)
        self.assertEqual(len(logs), 1)
        for each in (self.first, second):
            each.stop()

    def test_store_that_fails_is_tried_again(self) -> None:
        self.first.start()
        self.faulty.fail_before(1, kills=False)
        with capturedLogs() as logs:
            self.pass_time(200)
        self.assertIn("broken off", str(logs[0]["log_format"]))
        self.pass_time(1000)
        self.assertTrue(self.ended())
        self.first.stop()

    def test_what_is_stopped_leaves_nothing(self) -> None:
        self.first.start()
        self.pass_time(120)  # it takes the lease
        self.first.stop()
        self.pass_time(5)
        self.successResultOf(self.finish(self.first.ended()))
        self.assertEqual(self.clock.getDelayedCalls(), [])
