"""Tests of ``txregistry/auth/accounts.py``."""

from collections.abc import Mapping

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.contracts import accounts
from txregistry.auth.accounts import MemoryAccounts, OpenAccounts, may_exist
from txregistry.auth.interfaces import IAccounts
from txregistry.model.access import ANONYMOUS


class MemoryAccountsTests(accounts.AccountsContract):
    def make_accounts(
        self, passwords: Mapping[str, str], groups: Mapping[str, frozenset[str]]
    ) -> IAccounts:
        return MemoryAccounts(passwords, groups)


class OpenAccountsTests(SynchronousTestCase):
    def test_interface(self) -> None:
        self.assertTrue(verifyObject(IAccounts, OpenAccounts()))

    def test_everybody_is_nobody_in_particular(self) -> None:
        for name, password in (("bob", "secret"), ("", ""), ("bob\n", "x" * 5000)):
            done = Deferred.fromCoroutine(OpenAccounts().identify(name, password))
            self.assertEqual(self.successResultOf(done), ANONYMOUS)

    def test_where_they_ask_from_is_told(self) -> None:
        asked = OpenAccounts().identify("bob", "secret", "192.0.2.1")
        found = self.successResultOf(Deferred.fromCoroutine(asked))
        assert found is not None
        self.assertEqual((found.name, found.address), ("", "192.0.2.1"))


class MayExistTests(SynchronousTestCase):
    def test_longest_password_has_72_bytes(self) -> None:
        self.assertTrue(may_exist("bob", "p" * 72))
        self.assertFalse(may_exist("bob", "p" * 73))

    def test_bytes_count_not_characters(self) -> None:
        self.assertTrue(may_exist("bob", "ä" * 36))
        self.assertFalse(may_exist("bob", "ä" * 37))

    def test_longest_name_has_1024_bytes(self) -> None:
        self.assertTrue(may_exist("b" * 1024, "p"))
        self.assertFalse(may_exist("b" * 1025, "p"))
