"""What all accounts must do."""

from collections.abc import Mapping
from typing import Final

from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from txregistry.auth.interfaces import IAccounts
from txregistry.model.access import Identity

PASSWORDS: Final = {"bob": "secret", "renée": "pässwort mit Lücke", "dave d": "p" * 72}
GROUPS: Final = {"bob": frozenset({"ops", "dev"}), "carol": frozenset({"dev"})}


class AccountsContract(SynchronousTestCase):
    """Inherit as ``accounts.AccountsContract``: so it is not collected itself."""

    def make_accounts(
        self, passwords: Mapping[str, str], groups: Mapping[str, frozenset[str]]
    ) -> IAccounts:
        """Make accounts of their own."""
        raise NotImplementedError

    def wait(self) -> None:
        """Let as much time pass as an answer may take."""

    def setUp(self) -> None:
        self.accounts = self.make_accounts(PASSWORDS, GROUPS)

    def identify(self, name: str, password: str, address: str = "") -> Identity | None:
        """Give who somebody is."""
        asked = self.accounts.identify(name, password, address)
        done = Deferred.fromCoroutine(asked)
        self.wait()
        return self.successResultOf(done)

    def test_interface(self) -> None:
        self.assertTrue(verifyObject(IAccounts, self.accounts))

    def test_right_password_tells_who_somebody_is(self) -> None:
        self.assertEqual(
            self.identify("bob", "secret"), Identity("bob", frozenset({"ops", "dev"}))
        )

    def test_who_is_in_no_group_is_in_none(self) -> None:
        self.assertEqual(
            self.identify("renée", "pässwort mit Lücke"), Identity("renée")
        )

    def test_where_somebody_asks_from_is_told_each_time(self) -> None:
        for address in ("192.0.2.1", "2001:db8::1", "", "bob"):
            found = self.identify("bob", "secret", address)
            assert found is not None
            self.assertEqual(found.address, address)

    def test_wrong_password_is_wrong_from_everywhere(self) -> None:
        for address in ("192.0.2.1", "2001:db8::1", "", "bob"):
            self.assertIsNone(self.identify("bob", "wrong", address))

    def test_failures_do_no_harm_to_others(self) -> None:
        for _ in range(20):
            self.assertIsNone(self.identify("bob", "wrong", "192.0.2.1"))
        self.assertEqual(
            self.identify("renée", PASSWORDS["renée"], "192.0.2.2"), Identity("renée")
        )

    def test_has_those_who_can_be_identified(self) -> None:
        for name, there in (
            ("bob", True),
            ("renée", True),
            ("carol", False),
            ("", False),
        ):
            asked = Deferred.fromCoroutine(self.accounts.has(name))
            self.assertEqual(self.successResultOf(asked), there, name)

    def test_longest_password_is_verified_whole(self) -> None:
        self.assertEqual(self.identify("dave d", "p" * 72), Identity("dave d"))
        self.assertIsNone(self.identify("dave d", "p" * 71))
        self.assertIsNone(self.identify("dave d", "p" * 73))

    def test_twice_is_as_once(self) -> None:
        self.assertEqual(self.identify("bob", "secret"), self.identify("bob", "secret"))

    def test_wrong_password_does_not(self) -> None:
        self.assertIsNone(self.identify("bob", "Secret"))

    def test_password_of_somebody_else_does_not(self) -> None:
        self.assertIsNone(self.identify("renée", "secret"))

    def test_who_is_unknown_is_nobody(self) -> None:
        self.assertIsNone(self.identify("mallory", "secret"))

    def test_who_is_only_in_a_group_is_nobody(self) -> None:
        self.assertIsNone(self.identify("carol", ""))

    def test_case_of_a_name_counts(self) -> None:
        self.assertIsNone(self.identify("Bob", "secret"))

    def test_empty_texts_are_nobody(self) -> None:
        for name, password in (("", ""), ("bob", ""), ("", "secret")):
            self.assertIsNone(self.identify(name, password))

    def test_control_characters_are_nobody(self) -> None:
        for text in ("\0", "\n", "\x7f", "\x85", "\ud800"):
            self.assertIsNone(self.identify(f"bob{text}", "secret"))
            self.assertIsNone(self.identify("bob", f"secret{text}"))

    def test_long_texts_are_nobody(self) -> None:
        self.assertIsNone(self.identify("b" * 1025, "secret"))
        self.assertIsNone(self.identify("bob", "s" * 1025))

    @settings(max_examples=20)
    @given(st.text(), st.text())
    def test_any_texts_can_be_asked_about(self, name: str, password: str) -> None:
        self.assertIsNone(self.identify(name, password))
