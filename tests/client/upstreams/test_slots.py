"""Tests of ``txregistry/client/upstreams/slots.py``."""

from collections.abc import Callable

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from txregistry.client.upstreams.interfaces import UpstreamUnavailable
from txregistry.client.upstreams.slots import Rate, Slots


class SlotsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.slots = self.make(2)

    def make(self, limit: int, waiting: int = 3) -> Slots:
        """Make turns."""
        return Slots("x", self.clock, limit=limit, waiting=waiting, patience=10)

    def take(self) -> "Deferred[Callable[[], None]]":
        """Ask for a turn."""
        return Deferred.fromCoroutine(self.slots.take())

    def test_so_many_have_a_turn_and_others_wait(self) -> None:
        first = self.successResultOf(self.take())
        self.successResultOf(self.take())
        third, fourth = self.take(), self.take()
        self.assertNoResult(third)
        first()
        end = self.successResultOf(third)
        self.assertNoResult(fourth)
        end()
        self.successResultOf(fourth)

    def test_turn_ends_once(self) -> None:
        end = self.successResultOf(self.take())
        end()
        end()
        self.assertEqual(self.slots.taken, 0)

    def test_too_many_do_not_wait(self) -> None:
        taken = [self.take() for _ in range(5)]
        self.failureResultOf(self.take(), UpstreamUnavailable)
        self.assertNoResult(taken[-1])

    def test_nobody_waits_for_ever(self) -> None:
        ends = [self.successResultOf(self.take()) for _ in range(2)]
        waiting = self.take()
        self.clock.advance(9.9)
        self.assertNoResult(waiting)
        self.clock.advance(0.1)
        self.failureResultOf(waiting, UpstreamUnavailable)
        for end in ends:
            end()
        self.assertEqual(self.slots.taken, 0)

    def test_who_leaves_is_forgotten(self) -> None:
        end = self.successResultOf(self.take())
        self.successResultOf(self.take())
        leaving, waiting = self.take(), self.take()
        leaving.cancel()
        self.failureResultOf(leaving, CancelledError)
        end()
        self.successResultOf(waiting)
        self.assertEqual(self.slots.taken, 2)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_turn_of_a_block_ends_with_it(self) -> None:
        async def work() -> None:
            async with self.slots.turn():
                self.assertEqual(self.slots.taken, 1)
                raise LookupError

        self.failureResultOf(Deferred.fromCoroutine(work()), LookupError)
        self.assertEqual(self.slots.taken, 0)

    def test_many_whose_turns_are_short_wait_in_peace(self) -> None:
        self.slots = self.make(1, waiting=5000)
        end = self.successResultOf(self.take())
        done: list[int] = []

        async def work(number: int) -> None:
            async with self.slots.turn():
                done.append(number)

        waiting = [Deferred.fromCoroutine(work(number)) for number in range(5000)]
        end()
        for each in waiting:
            self.successResultOf(each)
        self.assertEqual((done, self.slots.taken), (list(range(5000)), 0))


class RateTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1000)

    def make(self, rate: float | None, burst: int = 3) -> Rate:
        """Make a rate."""
        return Rate("x", self.clock, rate=rate, burst=burst, patience=2)

    def passed(self, rate: Rate, number: int) -> int:
        """Try to pass so often at once, and say how often that was so."""
        tries = [Deferred.fromCoroutine(rate.pass_()) for _ in range(number)]
        for each in tries:
            _ = each.addErrback(lambda failure: failure.trap(UpstreamUnavailable))
        return sum(each.called and each.result is None for each in tries)

    def test_some_pass_at_once_and_others_by_and_by(self) -> None:
        rate = self.make(2)
        self.assertEqual(self.passed(rate, 3), 3)
        waiting = [Deferred.fromCoroutine(rate.pass_()) for _ in range(4)]
        for each in waiting:
            self.assertNoResult(each)
            self.clock.advance(0.5)
            self.successResultOf(each)

    def test_after_a_while_some_pass_at_once_again(self) -> None:
        rate = self.make(2)
        self.passed(rate, 3)
        self.clock.advance(1)
        self.assertEqual(self.passed(rate, 3), 2)
        self.clock.advance(1000)
        self.assertEqual(self.passed(rate, 9), 3)

    def test_who_would_wait_too_long_does_not(self) -> None:
        rate = self.make(1)
        self.passed(rate, 5)
        late = Deferred.fromCoroutine(rate.pass_())
        fault = self.failureResultOf(late, UpstreamUnavailable).value
        self.assertEqual(fault.retry_after, 3.0)

    def test_without_a_rate_all_pass(self) -> None:
        self.assertEqual(self.passed(self.make(None), 100), 100)
