"""Tests of ``txregistry/lanes.py``."""

from twisted.internet.defer import CancelledError, Deferred
from twisted.trial.unittest import SynchronousTestCase

from txregistry.lanes import Lanes


class WorkError(Exception):
    """Some work failed."""


class LanesTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.lanes = Lanes(2)
        self.works: list[Deferred[None]] = []
        self.cleaned = 0

    async def work(self) -> None:
        """Wait until a test says that it is done."""
        waiting: Deferred[None] = Deferred()
        self.works.append(waiting)
        try:
            await waiting
        finally:
            self.cleaned += 1

    def begin(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self.lanes.begin(self.work()))

    def settle(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self.lanes.settle())

    def test_so_many_at_the_same_time(self) -> None:
        self.successResultOf(self.begin())
        self.successResultOf(self.begin())
        third = self.begin()
        self.assertNoResult(third)
        self.assertEqual(len(self.works), 2)
        self.works[1].callback(None)
        self.successResultOf(third)
        self.assertEqual(len(self.works), 3)

    def test_it_settles_when_all_has_ended(self) -> None:
        self.successResultOf(self.settle())
        self.successResultOf(self.begin())
        self.successResultOf(self.begin())
        settled = self.settle()
        self.works[0].callback(None)
        self.assertNoResult(settled)
        self.works[1].callback(None)
        self.successResultOf(settled)

    def test_a_failure_is_told_who_waits_and_who_comes(self) -> None:
        self.successResultOf(self.begin())
        self.successResultOf(self.begin())
        third = self.begin()
        self.works[0].errback(WorkError())
        self.failureResultOf(third, WorkError)
        self.failureResultOf(self.begin(), WorkError)
        self.assertEqual(len(self.works), 2)
        self.works[1].callback(None)
        self.failureResultOf(self.settle(), WorkError)

    def test_what_is_under_way_is_broken_off(self) -> None:
        self.successResultOf(self.begin())
        self.successResultOf(self.begin())
        self.successResultOf(Deferred.fromCoroutine(self.lanes.break_off()))
        self.assertEqual(self.cleaned, 2)
        self.failureResultOf(self.settle(), CancelledError)

    def test_what_cannot_be_broken_off_is_waited_for(self) -> None:
        class Job(Deferred[None]):
            def cancel(self) -> None:
                """Do nothing, as with threads."""

        job = Job()

        async def work() -> None:
            await job

        self.successResultOf(Deferred.fromCoroutine(self.lanes.begin(work())))
        broken = Deferred.fromCoroutine(self.lanes.break_off())
        self.assertNoResult(broken)
        job.callback(None)
        self.successResultOf(broken)

    def test_who_waits_for_a_lane_may_leave(self) -> None:
        self.successResultOf(self.begin())
        self.successResultOf(self.begin())
        third = self.begin()
        third.cancel()
        self.failureResultOf(third, CancelledError)
        self.assertEqual(len(self.works), 2)
