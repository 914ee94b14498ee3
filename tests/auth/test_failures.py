"""Tests of ``txregistry/auth/failures.py``."""

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from txregistry.auth import failures
from txregistry.auth.failures import Failures


class FailuresTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.failures = Failures(self.clock)

    def test_nobody_waits_at_first(self) -> None:
        self.assertEqual(self.failures.delay("bob"), 0)

    def test_delay_doubles_up_to_eight_seconds(self) -> None:
        found = []
        for _ in range(7):
            self.failures.add("bob")
            found.append(self.failures.delay("bob"))
        self.assertEqual(found, [1, 2, 4, 8, 8, 8, 8])

    def test_some_are_forgiven(self) -> None:
        forgiving = Failures(self.clock, forgiven=2, longest=4.0)
        found = []
        for _ in range(7):
            forgiving.add("bob")
            found.append(forgiving.delay("bob"))
        self.assertEqual(found, [0, 0, 1, 2, 4, 4, 4])

    def test_very_many_are_as_many(self) -> None:
        for _ in range(5000):
            self.failures.add("bob")
        self.assertEqual(self.failures.delay("bob"), 8)

    def test_others_do_not_wait(self) -> None:
        self.failures.add("bob")
        self.assertEqual(self.failures.delay("carol"), 0)

    def test_success_ends_it(self) -> None:
        self.failures.add("bob")
        self.failures.forget("bob")
        self.assertEqual(self.failures.delay("bob"), 0)

    def test_success_without_failure_is_fine(self) -> None:
        self.failures.forget("bob")
        self.assertEqual(self.failures.delay("bob"), 0)

    def test_time_ends_it(self) -> None:
        self.failures.add("bob")
        self.clock.advance(901)
        self.assertEqual(self.failures.delay("bob"), 0)

    def test_after_that_it_begins_anew(self) -> None:
        for _ in range(4):
            self.failures.add("bob")
        self.clock.advance(901)
        self.failures.add("bob")
        self.assertEqual(self.failures.delay("bob"), 1)

    def test_no_more_is_remembered_than_there_is_room_for(self) -> None:
        self.patch(failures, "_REMEMBERED", 2)
        for name in ("bob", "carol", "bob", "dave"):
            self.failures.add(name)
        delays = [self.failures.delay(name) for name in ("bob", "carol", "dave")]
        self.assertEqual(delays, [2, 0, 1])
