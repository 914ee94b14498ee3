"""Tests of ``schedule.py`` and ``telling.py`` in ``txregistry/registry/quotas``."""

from twisted.logger import capturedLogs

from tests.registry.content import LAYER
from tests.registry.faulty import FaultyStore
from tests.registry.quotas import case
from tests.registry.quotas.case import APP
from txregistry.registry.collection.lease import LIFE
from txregistry.registry.quotas.counts import Usage, read_count
from txregistry.registry.quotas.figures import FRESH
from txregistry.registry.quotas.schedule import TallySchedule
from txregistry.registry.quotas.telling import TellingQuotas
from txregistry.storage import keys


class ScheduleTests(case.QuotaTestCase):
    store: FaultyStore

    def make_store(self) -> FaultyStore:
        """See `RegistryTestCase`."""
        return FaultyStore(self.clock)

    def begin(self, every: float | None = None) -> TallySchedule:
        """Begin to count."""
        schedule = TallySchedule(self.collector, every, self.clock)
        schedule.start()
        self.addCleanup(schedule.stop)
        return schedule

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.clock.pump([0.25] * int(seconds * 4))

    def number(self) -> int:
        """Give the number of the latest count."""
        return self.result(read_count(self.store)).number

    def test_counts_soon_where_nothing_was_counted(self) -> None:
        self.push_blob(LAYER, APP)
        self.begin()
        self.wait(20)
        count = self.result(read_count(self.store))
        self.assertEqual(count.quotas, {"team/**": Usage(len(LAYER))})
        number = count.number
        self.wait(3600)
        self.assertEqual(self.number(), number)

    def test_counts_again_where_nobody_collects(self) -> None:
        self.begin(600.0)
        self.wait(20)
        number = self.number()
        self.assertTrue(number)
        self.wait(500)
        self.assertEqual(self.number(), number)
        self.wait(500)
        self.assertGreater(self.number(), number)

    def test_waits_for_its_turn(self) -> None:
        self.put(keys.collection_lease(), b'{"owner": "somebody", "turn": 1}')
        self.begin()
        self.wait(LIFE - 10)
        self.assertEqual(self.number(), 0)
        self.wait(100)
        self.assertTrue(self.number())

    def test_goes_on_after_a_fault(self) -> None:
        self.store.fail_before(1, kills=False)
        with capturedLogs() as events:
            self.begin()
            self.wait(5)
        told = [each for each in events if "cannot be counted" in each["log_format"]]
        self.assertEqual(len(told), 1)
        self.wait(40)
        self.assertTrue(self.number())

    def test_is_broken_off(self) -> None:
        schedule = self.begin()
        self.clock.advance(1)  # and waits for others
        schedule.stop()
        self.result(schedule.ended())
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.assertEqual(self.number(), 0)
        self.result(schedule.ended())
        self.assertIsNone(self.successResultOf(schedule.reload()))


class TellingTests(case.QuotaTestCase):
    def test_others_are_told(self) -> None:
        telling = TellingQuotas(self.registry.quotas, self.clock)
        telling.start()
        self.addCleanup(telling.stop)
        self.push_blob(LAYER, APP)
        self.clock.pump([FRESH] * 2)
        other = self.make_registry()
        self.assertEqual(self.used(other), [(len(LAYER), 0)])
        self.assertIsNone(self.successResultOf(telling.reload()))

    def test_what_is_told_before_a_round_is_in_its_count(self) -> None:
        telling = TellingQuotas(self.registry.quotas, self.clock)
        telling.start()
        self.addCleanup(telling.stop)
        self.push_blob(LAYER, APP)
        self.collect()
        self.assertEqual(self.used(), [(len(LAYER), 0)])
