"""Tests of ``txregistry/auth/accounts.py``."""

from collections.abc import Mapping

from twisted.trial.unittest import SynchronousTestCase

from tests.contracts import accounts
from txregistry.auth.accounts import MemoryAccounts, may_exist
from txregistry.auth.interfaces import IAccounts


class MemoryAccountsTests(accounts.AccountsContract):
    def make_accounts(
        self, passwords: Mapping[str, str], groups: Mapping[str, frozenset[str]]
    ) -> IAccounts:
        return MemoryAccounts(passwords, groups)


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
