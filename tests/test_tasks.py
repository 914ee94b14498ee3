"""Tests of ``txregistry/tasks.py``; its threads are tested in ``integration/``."""

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.logger import Logger, LogLevel, capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from txregistry.tasks import Turns, at_once, breathe, detach


class WorkError(Exception):
    """Some work failed."""


async def await_it(deferred: Deferred[None]) -> None:
    """Do what an awaitable does."""
    await deferred


class AtOnceTests(SynchronousTestCase):
    def test_gives_the_result(self) -> None:
        self.assertEqual(self.successResultOf(at_once(int, "7")), 7)

    def test_gives_the_failure(self) -> None:
        self.failureResultOf(at_once(int, "x"), ValueError)


class DetachTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.awaited: Deferred[None] = Deferred()

    def detach(self) -> Deferred[None]:
        return detach(await_it(self.awaited), Logger(), "testing")

    def test_fires_at_the_end(self) -> None:
        done = self.detach()
        self.assertNoResult(done)
        self.awaited.callback(None)
        self.assertIsNone(self.successResultOf(done))

    def test_failure_is_logged_with_what_was_done(self) -> None:
        with capturedLogs() as events:
            done = self.detach()
            self.awaited.errback(WorkError())
        self.successResultOf(done)
        self.assertEqual([event["what"] for event in events], ["testing"])
        self.assertEqual(len(self.flushLoggedErrors(WorkError)), 1)

    def test_failure_is_critical(self) -> None:
        with capturedLogs() as events:
            done = self.detach()
            self.awaited.errback(WorkError())
        self.successResultOf(done)
        self.flushLoggedErrors(WorkError)
        self.assertEqual(events[0]["log_level"], LogLevel.critical)

    def test_cancellation_is_no_failure(self) -> None:
        with capturedLogs() as events:
            done = self.detach()
            self.awaited.errback(CancelledError())
        self.successResultOf(done)
        self.assertEqual(events, [])


class BreatheTests(SynchronousTestCase):
    def test_lets_the_reactor_turn_once(self) -> None:
        clock = Clock()
        done = breathe(clock)
        self.assertNoResult(done)
        clock.advance(0)
        self.successResultOf(done)


class TurnsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.turns = Turns()
        self.begun: list[str] = []
        self.jobs: list[Deferred[None]] = []

    def begin(self, thing: str, until: Deferred[None]) -> None:
        async def work() -> None:
            async with self.turns.on(thing):
                self.begun.append(thing)
                await until

        self.jobs.append(Deferred.fromCoroutine(work()))
        self.addCleanup(self.end, until)

    def end(self, until: Deferred[None]) -> None:
        """Let nothing go on after the test."""
        if not until.called:
            until.callback(None)

    def test_others_wait_for_the_same_thing(self) -> None:
        self.begin("a", Deferred())
        self.begin("a", Deferred())
        self.assertEqual(self.begun, ["a"])

    def test_nobody_waits_for_another_thing(self) -> None:
        self.begin("a", Deferred())
        self.begin("b", Deferred())
        self.assertEqual(self.begun, ["a", "b"])

    def test_the_next_has_its_turn_afterwards(self) -> None:
        first: Deferred[None] = Deferred()
        self.begin("a", first)
        self.begin("a", Deferred())
        first.callback(None)
        self.assertEqual(self.begun, ["a", "a"])

    def test_many_wait_and_come_one_after_the_other(self) -> None:
        first: Deferred[None] = Deferred()
        done: Deferred[None] = Deferred()
        done.callback(None)
        self.begin("a", first)
        for _ in range(3):
            self.begin("a", done)
        first.callback(None)
        for job in self.jobs:
            self.successResultOf(job)
        self.assertEqual(self.begun, ["a"] * 4)

    def test_a_failure_ends_a_turn(self) -> None:
        first: Deferred[None] = Deferred()
        self.begin("a", first)
        self.begin("a", Deferred())
        first.errback(WorkError())
        self.failureResultOf(self.jobs[0], WorkError)
        self.assertEqual(self.begun, ["a", "a"])

    def test_who_leaves_the_queue_holds_up_nobody(self) -> None:
        first: Deferred[None] = Deferred()
        self.begin("a", first)
        self.begin("a", Deferred())
        self.begin("a", Deferred())
        self.jobs[1].cancel()
        self.failureResultOf(self.jobs[1], CancelledError)
        first.callback(None)
        self.assertEqual(self.begun, ["a", "a"])

    def test_nothing_is_kept_of_things_that_are_done(self) -> None:
        first: Deferred[None] = Deferred()
        self.begin("a", first)
        first.callback(None)
        self.assertEqual(self.turns._locks, {})
