"""Tests of ``txregistry/client/upstreams/breaker.py``."""

from twisted.internet.defer import CancelledError
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from txregistry.client.upstreams.breaker import Breaker, Throttle
from txregistry.client.upstreams.faults import Distrusted, Faltered, Throttled
from txregistry.client.upstreams.interfaces import (
    UpstreamRefused,
    UpstreamUnavailable,
    UpstreamWrong,
)
from txregistry.client.upstreams.limits import Limits

LIMITS = Limits(
    failures=3,
    alone=10,
    longest_alone=30,
    throttled=60,
    longest_throttled=3600,
)


class BreakerTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.breaker = Breaker("x", self.clock, LIMITS, lambda: 0.0)

    def ask(self, fault: Exception | None = None, about: str = "a/b") -> None:
        """Ask once, with this outcome."""
        with self.breaker.trial(about):
            if fault is not None:
                raise fault

    def fails(self, times: int = 1) -> None:
        """Ask, and get no answer."""
        for _ in range(times):
            with self.assertRaises(Faltered):
                self.ask(Faltered("x", "is not there"))

    def stumbles(self, *about: str) -> None:
        """Ask about repositories, and be told that there is no answer to that."""
        for each in about:
            with self.assertRaises(Faltered):
                self.ask(Faltered("x", "answered 500").narrowed(), each)

    def give_up(self) -> None:
        """Get no answer to what was asked before."""
        raise Faltered("x", "is not there")

    def assert_left_alone(self, seconds: float, about: str = "a/b") -> None:
        """Expect that nothing is asked for some time."""
        with self.assertRaises(UpstreamUnavailable) as caught:
            self.ask(AssertionError("this was asked"), about)
        self.assertEqual(caught.exception.retry_after, seconds)

    def test_several_failures_in_a_row_end_it(self) -> None:
        self.fails(2)
        self.assertFalse(self.breaker.is_open)
        self.fails()
        self.assertTrue(self.breaker.is_open)
        self.assert_left_alone(10.0)

    def test_answer_in_between_counts(self) -> None:
        self.fails(2)
        self.ask()
        self.fails(2)
        self.assertFalse(self.breaker.is_open)

    def test_any_answer_does(self) -> None:
        for fault in (UpstreamWrong("x", "lies"), UpstreamRefused("x", "does not")):
            self.fails(2)
            with self.assertRaises(type(fault)):
                self.ask(fault)
        self.fails(2)
        self.assertFalse(self.breaker.is_open)

    def test_who_does_not_prove_who_it_is_fails(self) -> None:
        for _ in range(3):
            with self.assertRaises(Distrusted):
                self.ask(Distrusted("x", "does not"))
        self.assertTrue(self.breaker.is_open)

    def test_what_is_our_own_affair_is_neither(self) -> None:
        self.fails(2)
        for fault in (
            CancelledError(),
            UpstreamUnavailable("x", "is asked too much"),
            Throttled("x", "lets us ask no more"),
        ):
            with self.assertRaises(type(fault)):
                self.ask(fault)
        self.assertFalse(self.breaker.is_open)
        self.fails()
        self.assertTrue(self.breaker.is_open)

    def test_later_there_is_one_try(self) -> None:
        self.fails(3)
        self.clock.advance(10)
        with self.breaker.trial("a/b"):
            self.assert_left_alone(10.0)
        self.ask()
        self.assertFalse(self.breaker.is_open)

    def test_each_try_that_fails_takes_longer(self) -> None:
        self.fails(3)
        for seconds in (10, 20, 30, 30):
            self.clock.advance(seconds - 0.5)
            self.assert_left_alone(0.5)
            self.clock.advance(0.5)
            self.fails()
        self.clock.advance(30)
        self.ask()
        self.fails(3)
        self.assert_left_alone(10.0)

    def test_try_that_nobody_waits_for_is_none(self) -> None:
        self.fails(3)
        self.clock.advance(10)
        with self.assertRaises(CancelledError):
            self.ask(CancelledError())
        self.ask()
        self.assertFalse(self.breaker.is_open)

    def test_what_was_begun_before_changes_nothing(self) -> None:
        with self.assertRaises(Faltered), self.breaker.trial("a/b"):
            self.fails(3)
            self.give_up()
        self.assert_left_alone(10.0)

    def test_what_one_repository_is_answered_counts_once(self) -> None:
        self.stumbles(*["a"] * 50)
        self.fails()
        self.assertFalse(self.breaker.is_open)
        self.fails()
        self.assertTrue(self.breaker.is_open)

    def test_what_several_are_answered_counts(self) -> None:
        self.stumbles("a", "b", "b", "c")
        self.assert_left_alone(10.0)

    def test_after_an_answer_it_counts_again(self) -> None:
        for _ in range(5):
            self.stumbles("a", "b", "a")
            self.ask()
        self.stumbles("a", "b")
        self.assertFalse(self.breaker.is_open)
        self.fails()
        self.assertTrue(self.breaker.is_open)

    def test_who_stumbles_at_a_try_is_left_alone_and_nobody_else(self) -> None:
        self.fails(3)
        self.clock.advance(10)
        self.stumbles("a", "b")
        self.assert_left_alone(10.0, "a")
        self.clock.advance(9)
        self.assert_left_alone(1.0, "b")
        self.assertTrue(self.breaker.is_open)
        self.ask(about="c")
        self.ask(about="a")
        self.assertFalse(self.breaker.is_open)

    def test_no_more_are_remembered_than_there_is_room_for(self) -> None:
        self.fails(3)
        self.clock.advance(10)
        for number in range(2000):
            self.stumbles(str(number))
        self.assertLessEqual(len(self.breaker._stumbled), 1024)

    def test_who_has_it_left_alone_is_told_for_how_long(self) -> None:
        self.fails(2)
        for seconds in (10.0, 20.0):
            with self.assertRaises(Faltered) as caught:
                self.ask(Faltered("x", "is not there"))
            self.assertEqual(caught.exception.retry_after, seconds)
            self.clock.advance(seconds)
        with self.assertRaises(Faltered) as caught:
            self.ask(Faltered("x", "answered 503", 7.0))
        self.assertEqual(caught.exception.retry_after, 7.0)

    def test_several_do_not_try_at_the_same_moment(self) -> None:
        self.breaker = Breaker("x", self.clock, LIMITS, lambda: 1.0)
        self.fails(3)
        self.assert_left_alone(15.0)


class ThrottleTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.throttle = Throttle("x", self.clock, LIMITS)

    def assert_closed(self, seconds: float, asker: bytes = b"") -> None:
        """Expect that nothing may be asked for some time."""
        with self.assertRaises(Throttled) as caught:
            self.throttle.check(asker)
        self.assertEqual(caught.exception.retry_after, seconds)

    def test_as_long_as_the_upstream_wants(self) -> None:
        self.assertEqual(self.throttle.close(b"", 30.0).retry_after, 30.0)
        self.clock.advance(29)
        self.assert_closed(1.0)
        self.clock.advance(1)
        self.throttle.check(b"")

    def test_a_minute_where_it_does_not_say(self) -> None:
        self.throttle.close(b"", None)
        self.assert_closed(60.0)

    def test_not_for_ever(self) -> None:
        self.throttle.close(b"", 1e12)
        self.assert_closed(3600.0)

    def test_who_asked_too_much_waits_and_nobody_else(self) -> None:
        self.throttle.close(b"a", 30.0)
        self.throttle.check(b"")
        self.throttle.check(b"b")
        self.assert_closed(30.0, b"a")

    def test_no_more_are_remembered_than_there_is_room_for(self) -> None:
        for number in range(2000):
            self.throttle.close(b"%d" % number, 30.0)
        self.throttle.check(b"0")
        self.assert_closed(30.0, b"1999")
        self.assertLessEqual(len(self.throttle._until), 1024)
