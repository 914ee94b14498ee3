"""Tests of ``txregistry/storage/partmemory.py``."""

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from txregistry.storage.partmemory import PartMemory


class PartMemoryTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.memory = PartMemory(10)

    def take(self, size: int) -> Deferred[None]:
        """Take some, in turn."""
        return Deferred.fromCoroutine(self.memory.take(size))

    def test_there_is_so_much(self) -> None:
        found = [self.memory.try_take(size) for size in (6, 5, 4, 1)]
        self.assertEqual(found, [True, False, True, False])

    def test_some_is_left_for_others(self) -> None:
        self.assertFalse(self.memory.try_take(8, leave=3))
        self.assertTrue(self.memory.try_take(7, leave=3))

    def test_who_waits_has_it_when_it_is_given_back(self) -> None:
        self.memory.try_take(8)
        waiting = self.take(5)
        self.memory.give(2)
        self.assertNoResult(waiting)
        self.memory.give(1)
        self.successResultOf(waiting)
        self.assertEqual(self.memory.held, 10)

    def test_nobody_goes_before_those_who_wait(self) -> None:
        self.memory.try_take(8)
        first, second = self.take(5), self.take(1)
        self.assertFalse(self.memory.try_take(1))
        self.assertNoResult(second)
        self.memory.give(8)
        self.successResultOf(first)
        self.successResultOf(second)

    def test_of_more_than_there_is_one_has_all(self) -> None:
        self.successResultOf(self.take(11))
        waiting = self.take(1)
        self.assertNoResult(waiting)
        self.memory.give(11)
        self.successResultOf(waiting)

    def test_who_gives_up_lets_the_next_one_go(self) -> None:
        self.memory.try_take(8)
        first, second = self.take(5), self.take(2)
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.successResultOf(second)
        self.assertEqual(self.memory.held, 10)

    def test_a_little_more_than_there_is(self) -> None:
        self.memory.try_take(10)
        self.memory.take_anyway(3)
        self.memory.give(3)
        self.assertFalse(self.memory.try_take(1))
