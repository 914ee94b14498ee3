"""Tests of ``txregistry/auth/queues.py``."""

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from txregistry.auth.queues import Queues
from txregistry.model.errors import Unavailable

HERE = "192.0.2.1"
ELSEWHERE = "192.0.2.2"


class QueuesTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.last: list[str] = []
        self.clock = Clock()
        self.queues = Queues(self.clock)
        self.verified: list[str] = []
        self.running: list[Deferred[bool]] = []
        self.waits = False
        self.addCleanup(self.end)

    def end(self) -> None:
        """Let all have their answers that are left."""
        self.waits = False
        for running in self.running:
            if not running.called:
                running.callback(True)
        self.clock.pump([8] * 20)

    def ask(
        self, name: str, address: str = HERE, *, right: bool = False
    ) -> Deferred[bool]:
        """Ask whether somebody is right."""

        async def verify(*, after_others: bool) -> bool:
            self.verified.append(name)
            self.last += [name] if after_others else []
            if self.waits:
                running: Deferred[bool] = Deferred()
                self.running.append(running)
                return await running
            return right

        return Deferred.fromCoroutine(self.queues.ask(address, name, verify))

    def seconds(self, asked: Deferred[bool]) -> int:
        """Say how many seconds an answer takes."""
        for second in range(200):
            if asked.called:
                self.successResultOf(asked)
                return second
            self.clock.advance(1)
        return self.fail("There is no answer.")

    def fail_often(self, times: int, address: str = HERE) -> None:
        """Guess under many names."""
        for each in range(times):
            self.seconds(self.ask(f"guess{each}", address))


class DelayTests(QueuesTestCase):
    def test_answer_is_what_was_verified(self) -> None:
        self.assertTrue(self.successResultOf(self.ask("bob", right=True)))
        self.assertFalse(self.successResultOf(self.ask("bob")))

    def test_answers_after_failures_are_delayed(self) -> None:
        waited = [self.seconds(self.ask("bob")) for _ in range(6)]
        self.assertEqual(waited, [0, 1, 2, 4, 8, 8])

    def test_right_answer_is_delayed_as_a_wrong_one(self) -> None:
        self.seconds(self.ask("bob"))
        self.assertEqual(self.seconds(self.ask("bob", right=True)), 1)

    def test_right_answer_ends_it(self) -> None:
        self.seconds(self.ask("bob"))
        self.seconds(self.ask("bob", right=True))
        self.assertEqual(self.seconds(self.ask("bob")), 0)

    def test_other_names_are_not_delayed(self) -> None:
        self.seconds(self.ask("bob"))
        self.assertEqual(self.seconds(self.ask("carol")), 0)

    def test_nobody_elsewhere_is_delayed(self) -> None:
        for _ in range(6):
            self.seconds(self.ask("bob"))
        self.assertEqual(self.seconds(self.ask("bob", ELSEWHERE)), 0)

    def test_household_of_ipv6_is_one_place(self) -> None:
        self.seconds(self.ask("bob", "2001:db8:0:1::1"))
        self.assertEqual(self.seconds(self.ask("bob", "2001:db8:0:1::2")), 1)
        self.assertEqual(self.seconds(self.ask("bob", "2001:db8:0:2::1")), 0)

    def test_many_failures_under_many_names_delay_all_who_are_there(self) -> None:
        self.fail_often(10)
        waited = [self.seconds(self.ask(f"other{each}")) for each in range(3)]
        self.assertEqual(waited, [0, 1, 2])
        self.assertEqual(self.seconds(self.ask("carol", right=True)), 2)

    def test_they_delay_nobody_elsewhere(self) -> None:
        self.fail_often(20)
        self.assertEqual(self.seconds(self.ask("other", ELSEWHERE)), 0)

    def test_right_answer_does_not_end_what_delays_all(self) -> None:
        self.fail_often(11)
        self.seconds(self.ask("bob", right=True))
        self.assertEqual(self.seconds(self.ask("carol", right=True)), 1)

    def test_longer_of_two_delays_counts(self) -> None:
        self.fail_often(12)
        waited = [self.seconds(self.ask("bob")) for _ in range(5)]
        self.assertEqual(waited, [2, 2, 2, 4, 8])

    def test_time_ends_it(self) -> None:
        self.fail_often(20)
        self.seconds(self.ask("bob"))
        self.clock.advance(901)
        self.assertEqual(self.seconds(self.ask("bob")), 0)

    def test_what_is_not_verified_is_no_failure(self) -> None:
        async def verify(*, after_others: bool) -> bool:
            del after_others
            raise Unavailable("Too many.")

        for _ in range(30):
            asked = Deferred.fromCoroutine(self.queues.ask(HERE, "bob", verify))
            self.failureResultOf(asked, Unavailable)
        self.assertEqual(self.seconds(self.ask("bob")), 0)

    def test_who_is_where_somebody_guessed_goes_after_others(self) -> None:
        neighbour, other = "2001:db8:1:2::1", "2001:db8:2::1"
        self.seconds(self.ask("guess", "2001:db8:1::1"))
        for name, address in (("near", neighbour), ("far", other), ("bob", HERE)):
            self.seconds(self.ask(name, address, right=True))
        self.assertEqual(self.last, ["near"])
        self.clock.advance(901)
        self.seconds(self.ask("later", neighbour, right=True))
        self.assertEqual(self.last, ["near"])


class TurnTests(QueuesTestCase):
    def test_guesses_under_one_name_are_one_after_another(self) -> None:
        asked = [self.ask("bob") for _ in range(4)]
        found = []
        for _ in range(10):
            found.append(len(self.verified))
            self.clock.advance(1)
        # The second is answered after one second, the third after two more.
        self.assertEqual(found, [2, 3, 3, 4, 4, 4, 4, 4, 4, 4])
        self.assertEqual([self.successResultOf(each) for each in asked], [False] * 4)

    def test_those_from_one_address_are_verified_one_after_another(self) -> None:
        self.waits = True
        asked = [self.ask(name) for name in ("bob", "carol")]
        self.assertEqual(self.verified, ["bob"])
        self.running[0].callback(True)
        self.assertEqual(self.verified, ["bob", "carol"])
        self.running[1].callback(False)
        self.assertEqual([self.successResultOf(each) for each in asked], [True, False])

    def test_nobody_elsewhere_waits_for_that(self) -> None:
        self.waits = True
        asked = [self.ask("bob"), self.ask("bob", ELSEWHERE)]
        self.assertEqual(len(self.running), 2)
        for each in self.running:
            each.callback(True)
        self.assertEqual([self.successResultOf(each) for each in asked], [True, True])

    def test_delay_under_a_name_is_in_no_other_names_way(self) -> None:
        for _ in range(5):
            self.seconds(self.ask("bob"))
        slow = self.ask("bob")
        self.assertEqual(self.seconds(self.ask("carol")), 0)
        self.assertEqual(self.seconds(slow), 8)

    def test_more_than_eight_under_a_name_are_sent_away(self) -> None:
        self.waits = True
        asked = [self.ask("bob") for _ in range(8)]
        self.failureResultOf(self.ask("bob"), Unavailable)
        other = self.ask("carol")
        self.assertNoResult(other)
        self.assertNoResult(self.ask("bob", ELSEWHERE))
        self.assertEqual(len([each for each in asked if each.called]), 0)

    def test_more_than_sixteen_from_an_address_are_sent_away(self) -> None:
        self.waits = True
        for each in range(16):
            self.assertNoResult(self.ask(f"bob{each}"))
        self.failureResultOf(self.ask("carol"), Unavailable)
        self.assertNoResult(self.ask("carol", ELSEWHERE))

    def test_there_is_room_again_when_they_have_left(self) -> None:
        for _ in range(2):
            asked = [self.ask(f"bob{each}", right=True) for each in range(16)]
            for each in asked:
                self.assertTrue(self.successResultOf(each))

    def test_who_fails_makes_room(self) -> None:
        self.waits = True
        asked = [self.ask("bob") for _ in range(8)]
        for place, each in enumerate(asked):
            self.running[place].errback(Unavailable("Too many."))
            self.failureResultOf(each, Unavailable)
        self.assertNoResult(self.ask("bob"))

    def test_nothing_is_kept_of_those_who_have_left(self) -> None:
        for each in range(100):
            self.successResultOf(self.ask("bob", f"192.0.2.{each}", right=True))
        self.assertEqual(self.queues._standing, {})


class ProcessesTests(QueuesTestCase):
    """Who guesses may choose between processes that know nothing of each other."""

    def rate(self, processes: int) -> float:
        """Say how many guesses a second there can be in the end, at all of them."""
        self.queues = Queues(self.clock, processes)
        for _ in range(12):
            self.seconds(self.ask("ann"))
        return processes / self.seconds(self.ask("ann"))

    def test_several_give_no_more_guesses_than_one(self) -> None:
        alone = self.rate(1)
        for processes in (2, 4, 8):
            self.assertLessEqual(self.rate(processes), alone)

    def test_who_is_right_waits_for_nothing(self) -> None:
        self.queues = Queues(self.clock, 8)
        self.assertEqual(self.seconds(self.ask("ann", right=True)), 0)
