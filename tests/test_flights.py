"""Tests of several who wait for one work, of ``txregistry/tasks.py``."""

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from txregistry.tasks import (
    Flights,
)


class WorkError(Exception):
    """What some work comes to."""


class FlightsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.flights = Flights()
        self.begun: list[Deferred[int]] = []

    def join(self, key: str = "a") -> Deferred[int]:
        """Want something; the work for it is the last of ``begun``, if it is begun."""

        async def work() -> int:
            until: Deferred[int] = Deferred()
            self.begun.append(until)
            return await until

        return Deferred.fromCoroutine(self.flights.join(key, work))

    def test_one_work_is_for_all_who_want_the_same(self) -> None:
        waiting = [self.join() for _ in range(3)]
        self.begun[0].callback(7)
        self.assertEqual([self.successResultOf(each) for each in waiting], [7] * 3)
        self.assertEqual(len(self.begun), 1)

    def test_another_thing_is_another_work(self) -> None:
        first, second = self.join("a"), self.join("b")
        self.begun[1].callback(2)
        self.assertEqual(self.successResultOf(second), 2)
        self.assertNoResult(first)
        self.begun[0].callback(1)
        self.successResultOf(first)

    def test_failure_is_for_all_who_want_the_same(self) -> None:
        waiting = [self.join() for _ in range(3)]
        self.begun[0].errback(WorkError())
        for each in waiting:
            self.failureResultOf(each, WorkError)

    def test_who_leaves_does_not_stop_it(self) -> None:
        first, second = self.join(), self.join()
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.assertNoResult(second)
        self.begun[0].callback(7)
        self.assertEqual(self.successResultOf(second), 7)

    def test_it_goes_on_when_all_have_left(self) -> None:
        first = self.join()
        first.cancel()
        self.failureResultOf(first, CancelledError)
        late = self.join()
        self.begun[0].callback(7)
        self.assertEqual(self.successResultOf(late), 7)

    def test_failure_that_nobody_awaits_is_dropped(self) -> None:
        first = self.join()
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.begun[0].errback(WorkError())
        self.assertEqual(self.flushLoggedErrors(), [])

    def test_who_comes_later_begins_anew(self) -> None:
        first = self.join()
        self.begun[0].callback(1)
        self.successResultOf(first)
        second = self.join()
        self.begun[1].callback(2)
        self.assertEqual(self.successResultOf(second), 2)

    def test_who_goes_on_can_begin_the_same_again(self) -> None:
        again: list[Deferred[int]] = []
        first = self.join()
        _ = first.addCallback(lambda _: again.append(self.join()))
        self.begun[0].callback(1)
        self.begun[1].callback(2)
        self.assertEqual(self.successResultOf(again[0]), 2)

    def test_who_goes_on_can_take_another_along(self) -> None:
        first, second, third = self.join(), self.join(), self.join()
        _ = first.addCallback(lambda _: second.cancel())
        self.begun[0].callback(7)
        self.failureResultOf(second, CancelledError)
        self.assertEqual(self.successResultOf(third), 7)

    def test_work_that_is_done_at_once_is_not_kept(self) -> None:
        async def work() -> int:
            return 7

        for _ in range(2):
            done = Deferred.fromCoroutine(self.flights.join("a", work))
            self.assertEqual(self.successResultOf(done), 7)
        self.assertEqual(self.flights._waiting, {})

    def test_nothing_is_kept_of_who_left(self) -> None:
        first = self.join()
        late = self.join()
        late.cancel()
        self.failureResultOf(late, CancelledError)
        self.assertEqual(len(self.flights._waiting["a"]), 1)
        self.begun[0].callback(7)
        self.successResultOf(first)
