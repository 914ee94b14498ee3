"""Tests of ``txregistry/tasks.py``; its threads are tested in ``integration/``."""

from collections.abc import Sequence

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.logger import Logger, LogLevel, capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from txregistry.tasks import (
    Bell,
    Crowds,
    Turns,
    at_once,
    breathe,
    detach,
    side_by_side,
)


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


class SideBySideTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.begun: list[int] = []
        self.waiting: dict[int, Deferred[str]] = {}

    async def work(self, thing: int) -> str:
        self.begun.append(thing)
        if thing == 13:
            raise WorkError
        waiting = self.waiting[thing] = Deferred()
        try:
            return await waiting
        finally:
            del self.waiting[thing]

    def run_all(self, things: Sequence[int], most: int) -> Deferred[list[str]]:
        return Deferred.fromCoroutine(side_by_side(self.work, things, most))

    def test_nothing_comes_to_nothing(self) -> None:
        self.assertEqual(self.successResultOf(self.run_all((), 3)), [])

    def test_so_many_are_worked_on_at_once(self) -> None:
        done = self.run_all(range(5), 2)
        self.assertEqual(self.begun, [0, 1])
        self.waiting[1].callback("b")
        self.assertEqual(self.begun, [0, 1, 2])
        for thing, text in ((2, "c"), (3, "d"), (4, "e")):
            self.waiting[thing].callback(text)
        self.assertNoResult(done)
        self.waiting[0].callback("a")
        self.assertEqual(self.successResultOf(done), ["a", "b", "c", "d", "e"])

    def test_a_failure_ends_all(self) -> None:
        done = self.run_all((0, 1, 13, 3), 2)
        self.waiting[1].callback("b")
        self.failureResultOf(done, WorkError)
        self.assertEqual((self.waiting, self.begun), ({}, [0, 1, 13]))

    def test_who_leaves_ends_all(self) -> None:
        done = self.run_all(range(5), 2)
        done.cancel()
        self.failureResultOf(done, CancelledError)
        self.assertEqual((self.waiting, self.begun), ({}, [0, 1]))


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


class CrowdsTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.crowds = Crowds()
        self.begun: list[str] = []
        self.untils: dict[str, Deferred[None]] = {}
        self.jobs: dict[str, Deferred[None]] = {}

    def begin(self, who: str, *, alone: bool = False, thing: str = "a") -> None:
        """Let somebody in, or wait."""

        async def work() -> None:
            enter = self.crowds.alone if alone else self.crowds.among
            async with enter(thing):
                self.begun.append(who)
                await until

        until = self.untils[who] = Deferred()
        self.jobs[who] = Deferred.fromCoroutine(work())

    def end(self, *names: str) -> None:
        """Let some go."""
        for who in names:
            self.untils[who].callback(None)
            self.successResultOf(self.jobs[who])

    def test_many_are_there_together(self) -> None:
        self.begin("x")
        self.begin("y")
        self.assertEqual(self.begun, ["x", "y"])
        self.end("y", "x")

    def test_who_is_to_be_alone_waits_for_all(self) -> None:
        self.begin("x")
        self.begin("y")
        self.begin("z", alone=True)
        self.end("x")
        self.assertEqual(self.begun, ["x", "y"])
        self.end("y")
        self.assertEqual(self.begun, ["x", "y", "z"])
        self.end("z")

    def test_others_wait_for_who_is_or_wants_to_be_alone(self) -> None:
        self.begin("x")
        self.begin("z", alone=True)
        self.begin("y")
        self.end("x")
        self.assertEqual(self.begun, ["x", "z"])
        self.begin("w")
        self.end("z")
        self.assertEqual(self.begun, ["x", "z", "y", "w"])
        self.end("y", "w")

    def test_two_are_alone_one_after_the_other(self) -> None:
        self.begin("x", alone=True)
        self.begin("y", alone=True)
        self.assertEqual(self.begun, ["x"])
        self.end("x")
        self.assertEqual(self.begun, ["x", "y"])
        self.end("y")

    def test_nobody_waits_at_another_thing(self) -> None:
        self.begin("x", alone=True)
        self.begin("y", thing="b")
        self.begin("z", alone=True, thing="c")
        self.assertEqual(self.begun, ["x", "y", "z"])
        self.end("x", "y", "z")

    def test_who_gives_up_holds_up_nobody(self) -> None:
        self.begin("x")
        self.begin("z", alone=True)
        self.begin("y")
        self.jobs["z"].cancel()
        self.failureResultOf(self.jobs["z"], CancelledError)
        self.assertEqual(self.begun, ["x", "y"])
        self.begin("w", alone=True)
        self.begin("v")
        self.jobs["v"].cancel()
        self.failureResultOf(self.jobs["v"], CancelledError)
        self.end("x", "y", "w")
        self.assertEqual(self.begun, ["x", "y", "w"])

    def test_nothing_is_kept_of_things_that_are_done(self) -> None:
        self.begin("x")
        self.begin("y", alone=True)
        self.end("x", "y")
        self.assertEqual((self.crowds._inside, self.crowds._changed), ({}, {}))


class BellTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.bell = Bell()

    def wait(self) -> Deferred[None]:
        return Deferred.fromCoroutine(self.bell.wait())

    def test_all_who_wait_go_on(self) -> None:
        waiting = [self.wait() for _ in range(3)]
        for each in waiting:
            self.assertNoResult(each)
        self.bell.ring()
        for each in waiting:
            self.successResultOf(each)

    def test_who_comes_later_waits_for_the_next_ring(self) -> None:
        self.bell.ring()
        later = self.wait()
        self.assertNoResult(later)
        self.bell.ring()
        self.successResultOf(later)

    def test_who_waits_again_at_once_waits_for_the_next_ring(self) -> None:
        rings = []

        async def work() -> None:
            for number in range(2):
                await self.bell.wait()
                rings.append(number)

        done = Deferred.fromCoroutine(work())
        self.bell.ring()
        self.assertEqual(rings, [0])
        self.bell.ring()
        self.successResultOf(done)

    def test_who_leaves_does_not_hold_up_the_others(self) -> None:
        leaves, stays = self.wait(), self.wait()
        leaves.cancel()
        self.failureResultOf(leaves, CancelledError)
        self.bell.ring()
        self.successResultOf(stays)
