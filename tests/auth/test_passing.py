"""Tests of ``txregistry/auth/passing.py``."""

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from txregistry.auth.passing import LIFETIME, PassedCredentials
from txregistry.model.errors import Unauthorized

BASIC = "Basic Ym9iOnNlY3JldA=="


class PassingTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(1_750_000_000)
        self.passed = PassedCredentials(bytes(32), self.clock)

    def refused(self, authorization: str) -> None:
        self.assertRaises(Unauthorized, self.passed.read, authorization)

    def test_a_token_holds_what_was_shown(self) -> None:
        for shown in (BASIC, ""):
            token = self.passed.seal(shown)
            self.assertEqual(self.passed.read(f"Bearer {token}"), shown)
            self.assertEqual(self.passed.read(f"bearer  {token}"), shown)

    def test_nobody_else_can_read_it(self) -> None:
        self.assertNotIn("Ym9iOnNlY3JldA", self.passed.seal(BASIC))
        self.assertNotEqual(self.passed.seal(BASIC), self.passed.seal(BASIC))

    def test_another_node_can(self) -> None:
        other = PassedCredentials(bytes(32), self.clock)
        self.assertEqual(self.passed.read(f"Bearer {other.seal(BASIC)}"), BASIC)

    def test_another_registry_cannot(self) -> None:
        other = PassedCredentials(bytes([1]) * 32, self.clock)
        self.refused(f"Bearer {other.seal(BASIC)}")

    def test_it_is_good_for_a_while(self) -> None:
        token = self.passed.seal(BASIC)
        self.clock.advance(LIFETIME - 1)
        self.passed.read(f"Bearer {token}")
        self.clock.advance(1)
        self.refused(f"Bearer {token}")

    def test_a_name_and_a_password_need_no_token(self) -> None:
        for shown in (BASIC, "basic x", ""):
            self.assertEqual(self.passed.read(shown), shown)

    def test_what_is_neither(self) -> None:
        token = self.passed.seal(BASIC)
        for shown in (
            "Bearer",
            "Bearer x",
            "Bearer passed.",
            "Bearer passed.AAAA",
            f"Bearer {token[:-1]}",
            f"Bearer {token}A",
            "Token a",
            "Basic",
            "Basic " + "x" * 5000,
            "Bearer passed." + "x" * 9000,
        ):
            self.refused(shown)

    def test_no_token_for_a_token(self) -> None:
        token = self.passed.seal(BASIC)
        for shown in (f"Bearer {token}", "Token a", "Basic " + "x" * 5000):
            self.assertRaises(Unauthorized, self.passed.seal, shown)

    @given(st.text())
    def test_anything_is_read_or_refused(self, text: str) -> None:
        for shown in (text, f"Bearer {text}", f"Bearer passed.{text}"):
            try:
                found = self.passed.read(shown)
            except Unauthorized:
                continue
            self.assertEqual(found, shown)
