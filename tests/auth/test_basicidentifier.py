"""Tests of ``txregistry/auth/basicidentifier.py``."""

from base64 import b64encode
from collections.abc import Iterable
from typing import ClassVar, Final

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from tests.auth.test_htpasswd import make_line
from tests.contracts import identifier
from tests.temporary import make_file
from txregistry.auth.accounts import MemoryAccounts
from txregistry.auth.basicidentifier import BasicIdentifier
from txregistry.auth.htpasswd import HtpasswdAccounts
from txregistry.auth.interfaces import Caller, Credentials, IIdentifier
from txregistry.model.errors import Unauthorized
from txregistry.tasks import at_once

PASSWORDS: Final = {"bob": "secret", "carol": "another: one"}
GROUPS: Final = {"bob": frozenset({"ops", "dev"})}


def basic(text: str) -> Credentials:
    """Show a name and a password."""
    return Credentials(f"Basic {b64encode(text.encode()).decode()}")


class BasicContract(identifier.IdentifierContract):
    """What is so whatever the accounts are."""

    scheme = "Basic"
    groups: ClassVar = GROUPS

    def credentials(self, name: str) -> Credentials:
        return basic(f"{name}:{PASSWORDS[name]}")

    def wrong(self) -> Iterable[Credentials]:
        for text in ("bob:Secret", "bob:", "carol:secret", "mallory:secret", "bob"):
            yield basic(text)
        for header in ("Basic", "Basic bob:secret", "Basic Ym9iOnNlY3JldA"):
            yield Credentials(header)


class MemoryTests(BasicContract):
    def make_identifier(self) -> IIdentifier:
        return BasicIdentifier(MemoryAccounts(PASSWORDS, GROUPS))


class HtpasswdTests(BasicContract):
    def make_identifier(self) -> IIdentifier:
        self.clock = Clock()
        lines = [make_line(name, password) for name, password in PASSWORDS.items()]
        path = make_file(self, "htpasswd", b"".join(lines))
        return BasicIdentifier(HtpasswdAccounts(path, self.clock, at_once, GROUPS))

    def wait(self) -> None:
        self.clock.pump([1] * 10)


del BasicContract  # it is no test itself


class NobodyTests(SynchronousTestCase):
    def identify(self, shown: Credentials) -> "Deferred[Caller | None]":
        """Ask where there are no accounts."""
        return Deferred.fromCoroutine(
            BasicIdentifier(MemoryAccounts({})).identify(shown)
        )

    def test_empty_name_and_password_are_not_known(self) -> None:
        self.assertIsNone(self.successResultOf(self.identify(basic(":"))))

    def test_password_without_a_name_is_refused(self) -> None:
        _ = self.failureResultOf(self.identify(basic(":secret")), Unauthorized)
