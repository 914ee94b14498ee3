"""Tests of ``txregistry/auth/htpasswd.py``."""

import os
from collections.abc import Callable, Mapping
from typing import Any

from bcrypt import checkpw, gensalt, hashpw
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from tests.contracts import accounts
from tests.temporary import make_file
from txregistry.auth import htpasswd
from txregistry.auth.hashes import HtpasswdError
from txregistry.auth.htpasswd import HtpasswdAccounts
from txregistry.auth.interfaces import IAccounts
from txregistry.model.access import Identity
from txregistry.model.errors import Unavailable
from txregistry.tasks import at_once

BOB = Identity("bob")
HERE = "192.0.2.1"
ELSEWHERE = "198.51.100.1"


def make_line(name: str, password: str) -> bytes:
    """Write a line as cheap as there can be."""
    return b"%s:%s\n" % (name.encode(), hashpw(password.encode(), gensalt(4)))


class ContractTests(accounts.AccountsContract):
    def make_accounts(
        self, passwords: Mapping[str, str], groups: Mapping[str, frozenset[str]]
    ) -> IAccounts:
        self.clock = Clock()
        lines = [make_line(name, password) for name, password in passwords.items()]
        path = make_file(self, "htpasswd", b"".join(lines))
        return HtpasswdAccounts(path, self.clock, at_once, groups)

    def wait(self) -> None:
        self.clock.pump([1] * 10)


class Threads:
    """Count passwords that are verified; they are done when one says so."""

    def __init__(self) -> None:
        self.verified = 0
        self.waits = False
        self.running: list[Deferred[None]] = []

    def __call__(self, work: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Take work, as `Blocking` does."""
        if work is not checkpw:
            return at_once(work, *args, **kwargs)
        self.verified += 1
        if not self.waits:
            return at_once(work, *args, **kwargs)
        turn: Deferred[None] = Deferred()
        self.running.append(turn)
        return turn.addCallback(lambda _: work(*args, **kwargs))

    def finish(self) -> None:
        """Let the oldest of what runs be done."""
        self.running.pop(0).callback(None)


class HtpasswdTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.threads = Threads()
        self.path = make_file(self, "htpasswd", make_line("bob", "secret"))
        self.accounts = HtpasswdAccounts(self.path, self.clock, self.threads)
        self.addCleanup(self.end)

    def end(self) -> None:
        """Let all have their answers that are left."""
        self.threads.waits = False
        while self.threads.running:
            self.threads.finish()
        self.clock.pump([8] * 20)

    def identify(
        self, name: str, password: str, address: str = HERE
    ) -> Deferred[Identity | None]:
        """Ask who somebody is."""
        asked = self.accounts.identify(name, password, address)
        return Deferred.fromCoroutine(asked)

    def known(self, name: str, password: str) -> bool:
        """Say whether somebody is known, once the longest delay is over."""
        asked = self.identify(name, password)
        self.clock.pump([1] * 8)
        return self.successResultOf(asked) is not None

    def write(self, data: bytes) -> None:
        """Replace the file, and let it be time to look."""
        with open(f"{self.path}.new", "wb") as file:
            file.write(data)
        os.rename(f"{self.path}.new", self.path)
        self.clock.advance(1)


class FileTests(HtpasswdTestCase):
    def test_file_that_cannot_be_used_is_told_at_the_start(self) -> None:
        path = make_file(self, "htpasswd", b"bob:secret")
        with self.assertRaises(HtpasswdError):
            HtpasswdAccounts(path, self.clock, self.threads)

    def test_who_was_added_is_known(self) -> None:
        self.write(make_line("carol", "secret"))
        self.assertTrue(self.known("carol", "secret"))

    def test_who_was_removed_is_unknown_at_once(self) -> None:
        self.assertTrue(self.known("bob", "secret"))
        self.write(make_line("carol", "secret"))
        self.assertFalse(self.known("bob", "secret"))

    def test_old_password_ends_with_the_new(self) -> None:
        self.assertTrue(self.known("bob", "secret"))
        self.write(make_line("bob", "changed"))
        self.assertFalse(self.known("bob", "secret"))
        self.assertTrue(self.known("bob", "changed"))

    def test_old_accounts_stay_when_the_new_cannot_be_read(self) -> None:
        self.write(b"bob:rubbish")
        self.assertTrue(self.known("bob", "secret"))

    def test_old_accounts_stay_when_the_file_is_gone(self) -> None:
        os.unlink(self.path)
        self.clock.advance(1)
        self.assertTrue(self.known("bob", "secret"))

    def test_what_cannot_be_read_is_logged_once(self) -> None:
        with capturedLogs() as events:
            for _ in range(3):
                self.write(b"bob:rubbish")
                self.assertTrue(self.known("bob", "secret"))
        self.assertEqual(len(events), 1)
        self.assertIn("line 1", events[0]["reason"])

    def test_what_is_mended_counts(self) -> None:
        self.write(b"bob:rubbish")
        self.assertTrue(self.known("bob", "secret"))
        self.write(make_line("carol", "secret"))
        self.assertTrue(self.known("carol", "secret"))

    def test_nobody_looks_more_often_than_once_a_second(self) -> None:
        os.unlink(self.path)
        self.clock.advance(0.5)
        with capturedLogs() as events:
            self.successResultOf(self.identify("bob", "secret"))
        self.assertEqual(events, [])


class CostTests(HtpasswdTestCase):
    def test_what_was_right_costs_nothing_for_a_minute(self) -> None:
        for _ in range(40):
            self.assertEqual(self.successResultOf(self.identify("bob", "secret")), BOB)
            self.clock.advance(1)
        self.assertEqual(self.threads.verified, 1)

    def test_after_a_minute_it_is_verified_again(self) -> None:
        self.successResultOf(self.identify("bob", "secret"))
        self.clock.advance(60)
        self.successResultOf(self.identify("bob", "secret"))
        self.assertEqual(self.threads.verified, 2)

    def test_who_guesses_from_everywhere_leaves_turns_to_others(self) -> None:
        places = [f"10.1.2.{place}" for place in range(70)]
        for place in places:
            asked = self.identify("bob", "wrong", place)
            self.clock.pump([1] * 8)
            self.assertIsNone(self.successResultOf(asked))
        self.threads.waits = True
        guesses = [self.identify("bob", f"guess {place}", place) for place in places]
        self.assertEqual(len(self.threads.running), 1)
        asked = self.identify("bob", "secret", ELSEWHERE)
        self.assertEqual(len(self.threads.running), 2)
        self.threads.running.pop().callback(None)
        self.assertEqual(self.successResultOf(asked), BOB)
        sent_away = [each for each in guesses if each.called]
        self.assertEqual(len(sent_away), 70 - 1 - 64)
        for each in sent_away:
            self.failureResultOf(each, Unavailable)
        for each in guesses:
            _ = each.addErrback(lambda _: None)

    def test_what_was_right_is_so_from_everywhere(self) -> None:
        self.successResultOf(self.identify("bob", "secret"))
        self.successResultOf(self.identify("bob", "secret", ELSEWHERE))
        self.assertEqual(self.threads.verified, 1)

    def test_what_was_right_is_known_although_who_asked_has_left(self) -> None:
        self.threads.waits = True
        asked = self.identify("bob", "secret")
        asked.cancel()
        self.failureResultOf(asked, CancelledError)
        self.threads.finish()
        self.assertEqual(self.successResultOf(self.identify("bob", "secret")), BOB)

    def test_what_was_wrong_is_verified_again(self) -> None:
        for _ in range(2):
            self.assertFalse(self.known("bob", "wrong"))
        self.assertEqual(self.threads.verified, 2)

    def test_same_at_the_same_time_costs_once(self) -> None:
        self.threads.waits = True
        asked = [self.identify("bob", "secret") for _ in range(40)]
        self.threads.finish()
        self.assertEqual([self.successResultOf(each) for each in asked], [BOB] * 40)
        self.assertEqual(self.threads.verified, 1)

    def test_who_leaves_does_not_spoil_it_for_others(self) -> None:
        self.threads.waits = True
        first, second = (self.identify("bob", "secret") for _ in range(2))
        first.cancel()
        self.failureResultOf(first, CancelledError)
        self.threads.finish()
        self.assertEqual(self.successResultOf(second), BOB)

    def test_who_is_unknown_costs_as_much_as_who_is_known(self) -> None:
        self.assertFalse(self.known("mallory", "secret"))
        self.assertEqual(self.threads.verified, 1)

    def test_what_cannot_be_costs_nothing(self) -> None:
        for name, password in (("bob", ""), ("b\nb", "x"), ("bob", "x" * 73)):
            self.assertIsNone(self.successResultOf(self.identify(name, password)))
        self.assertEqual(self.threads.verified, 0)

    def test_two_are_verified_at_once(self) -> None:
        self.threads.waits = True
        asked = [self.identify("bob", "x", f"192.0.2.{each}") for each in range(4)]
        self.assertEqual(len(self.threads.running), 2)
        for each in asked:
            self.threads.finish()
            self.assertIsNone(self.successResultOf(each))

    def test_too_many_at_once_are_sent_away(self) -> None:
        self.patch(htpasswd, "_QUEUE", 1)
        self.threads.waits = True
        asked = [self.identify("bob", "x", f"192.0.2.{each}") for each in range(4)]
        self.failureResultOf(asked.pop(), Unavailable)
        for each in asked:
            self.threads.finish()
            self.assertIsNone(self.successResultOf(each))

    def test_no_more_proofs_are_kept_than_there_is_room_for(self) -> None:
        self.patch(htpasswd, "_PROOFS", 1)
        self.write(make_line("bob", "secret") + make_line("carol", "secret"))
        for name in ("bob", "carol", "bob"):
            self.assertIsNotNone(self.successResultOf(self.identify(name, "secret")))
        self.assertEqual(self.threads.verified, 3)

    def test_password_is_kept_nowhere(self) -> None:
        self.successResultOf(self.identify("bob", "secret"))
        self.assertNotIn("secret", repr(vars(self.accounts)))


class DelayTests(HtpasswdTestCase):
    def wait(self, asked: Deferred[Identity | None]) -> float:
        """Say how many seconds an answer takes."""
        for second in range(20):
            if asked.called:
                self.successResultOf(asked)
                return second
            self.clock.advance(1)
        return self.fail("There is no answer.")

    def test_answers_after_failures_are_delayed(self) -> None:
        waited = [self.wait(self.identify("bob", f"wrong{each}")) for each in range(6)]
        self.assertEqual(waited, [0, 1, 2, 4, 8, 8])

    def test_names_that_are_unknown_are_delayed_as_those_that_are(self) -> None:
        waited = [self.wait(self.identify("eve", f"wrong{each}")) for each in range(3)]
        self.assertEqual(waited, [0, 1, 2])

    def test_right_answer_is_delayed_as_a_wrong_one(self) -> None:
        self.wait(self.identify("bob", "wrong"))
        self.assertEqual(self.wait(self.identify("bob", "secret")), 1)

    def test_right_answer_ends_it(self) -> None:
        self.wait(self.identify("bob", "wrong"))
        self.wait(self.identify("bob", "secret"))
        self.assertEqual(self.wait(self.identify("bob", "wrong")), 0)

    def test_others_are_not_delayed(self) -> None:
        self.wait(self.identify("mallory", "wrong"))
        self.assertEqual(self.wait(self.identify("bob", "secret")), 0)

    def test_who_was_right_lately_is_not_delayed_by_guesses(self) -> None:
        self.wait(self.identify("bob", "secret"))
        self.wait(self.identify("bob", "wrong"))
        self.assertEqual(self.wait(self.identify("bob", "secret")), 0)

    def test_right_answer_from_elsewhere_is_not_delayed(self) -> None:
        for each in range(6):
            self.wait(self.identify("bob", f"wrong{each}"))
        self.assertEqual(self.wait(self.identify("bob", "secret", ELSEWHERE)), 0)

    def test_right_guess_that_waits_delays_nobody_elsewhere(self) -> None:
        self.wait(self.identify("bob", "wrong"))
        guess = self.identify("bob", "secret")
        self.assertEqual(self.wait(self.identify("bob", "secret", ELSEWHERE)), 0)
        self.assertEqual(self.wait(guess), 1)

    def test_guesses_at_the_same_time_are_one_after_another(self) -> None:
        asked = [self.identify("bob", f"wrong{each}") for each in range(9)]
        self.failureResultOf(self.identify("bob", "secret"), Unavailable)
        waited = [self.wait(each) for each in asked]
        self.assertEqual(waited, [0, 1, 2, 4, 8, 8, 8, 8, 8])

    def test_a_thousand_guesses_are_in_nobody_elses_way(self) -> None:
        self.threads.waits = True
        for each in range(1000):
            asked = self.identify(f"bob{each % 100}", f"wrong{each}")
            _ = asked.addErrback(lambda failure: failure.trap(Unavailable))
        other = self.identify("bob", "secret", ELSEWHERE)
        self.assertEqual(len(self.threads.running), 2)
        self.threads.finish()
        self.threads.finish()
        self.assertEqual(self.successResultOf(other), BOB)

    def test_a_thousand_guesses_delay_nobody_who_was_right_lately(self) -> None:
        self.successResultOf(self.identify("bob", "secret"))
        for each in range(1000):
            asked = self.identify("bob", f"wrong{each}")
            _ = asked.addErrback(lambda failure: failure.trap(Unavailable))
        self.assertEqual(self.successResultOf(self.identify("bob", "secret")), BOB)

    def test_password_that_is_changed_while_it_waits_is_wrong(self) -> None:
        for _ in range(3):
            self.wait(self.identify("bob", "wrong"))
        asked = self.identify("bob", "secret")
        self.write(make_line("bob", "changed"))
        self.wait(self.identify("carol", "x"))
        self.assertNoResult(asked)
        self.clock.pump([1] * 8)
        self.assertIsNone(self.successResultOf(asked))

    def test_guess_is_told_no_sooner_by_asking_twice(self) -> None:
        self.wait(self.identify("bob", "wrong"))
        first, second = self.identify("bob", "secret"), self.identify("bob", "secret")
        self.assertNoResult(first)
        self.assertNoResult(second)
        self.clock.advance(1)
        self.assertEqual(self.successResultOf(second), self.successResultOf(first))
