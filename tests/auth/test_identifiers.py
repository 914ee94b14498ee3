"""Tests of ``txregistry/auth/identifiers.py``."""

from collections.abc import Iterable, Sequence

from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import implementer
from zope.interface.verify import verifyObject

from tests.auth.shown import make
from tests.web.v1.case import basic
from txregistry.auth.accounts import MemoryAccounts
from txregistry.auth.basicidentifier import BasicIdentifier
from txregistry.auth.identifiers import Identifiers
from txregistry.auth.interfaces import Caller, Credentials, IIdentifier
from txregistry.model.access import Identity
from txregistry.model.errors import Unauthorized, Unavailable

BOB = basic("bob", "secret")["Authorization"]
BY_PASSWORD = BasicIdentifier(MemoryAccounts({"bob": "secret"}))


@implementer(IIdentifier)
class ByCertificate:
    """Know everybody who shows a certificate as one and the same."""

    async def identify(self, shown: Credentials) -> Caller | None:
        """See `IIdentifier`."""
        if shown.certificate is None:
            return None
        return Caller(Identity("alice", address=shown.address))

    async def still_knows(self, name: str) -> bool:
        """See `IIdentifier`."""
        return name == "alice"


@implementer(IIdentifier)
class Asleep:
    """Know nobody at present."""

    async def identify(self, shown: Credentials) -> Caller | None:
        """See `IIdentifier`."""
        del shown
        raise Unavailable("Try again later.")

    async def still_knows(self, name: str) -> bool:
        """See `IIdentifier`."""
        del name
        return False


class IdentifiersTests(SynchronousTestCase):
    def identify(
        self,
        shown: Credentials,
        ways: Sequence[IIdentifier] = (BY_PASSWORD, ByCertificate()),
        schemes: Iterable[str] = ("basic",),
    ) -> "Deferred[Caller]":
        """Begin to find out who somebody is."""
        return Deferred.fromCoroutine(Identifiers(ways, schemes).identify(shown))

    def name(self, shown: Credentials) -> str:
        """Give the name of somebody."""
        return self.successResultOf(self.identify(shown)).identity.name

    def test_interface(self) -> None:
        self.assertTrue(verifyObject(IIdentifier, Identifiers()))

    def test_one_way_is_enough_to_be_still_known(self) -> None:
        ways = Identifiers((BY_PASSWORD, Asleep(), ByCertificate()))
        for name, known in (("bob", True), ("alice", True), ("eve", False), ("", True)):
            asked = Deferred.fromCoroutine(ways.still_knows(name))
            self.assertEqual(self.successResultOf(asked), known, name)

    def test_who_shows_nothing_is_nobody_there(self) -> None:
        caller = self.successResultOf(self.identify(Credentials(address="192.0.2.7")))
        self.assertEqual(caller, Caller(Identity("")))
        self.assertEqual(caller.identity.address, "192.0.2.7")

    def test_each_way_counts(self) -> None:
        certificate = make("alice")
        self.assertEqual(self.name(Credentials(BOB)), "bob")
        self.assertEqual(self.name(Credentials(certificate=certificate)), "alice")

    def test_first_way_counts(self) -> None:
        shown = Credentials(BOB, make("alice"))
        self.assertEqual(self.name(shown), "bob")
        ways = (ByCertificate(), BY_PASSWORD)
        found = self.successResultOf(self.identify(shown, ways))
        self.assertEqual(found.identity.name, "alice")

    def test_empty_name_leaves_it_to_the_next_way(self) -> None:
        self.assertEqual(self.name(Credentials("Basic Og==", make("alice"))), "alice")
        self.assertEqual(self.name(Credentials("Basic Og==")), "")

    def test_wrong_password_is_not_made_good_by_a_certificate(self) -> None:
        wrong = basic("bob", "guess")["Authorization"]
        done = self.identify(Credentials(wrong, make("alice")))
        self.failureResultOf(done, Unauthorized)

    def test_unknown_scheme_is_refused(self) -> None:
        for header in (
            "Negotiate abc",
            "Bearer e30.e30.e30",
            "Basic\tYm9iOnNlY3JldA==",
            "bob",
            "\0",
            "Bäsic x",
            "Basic,Bearer",
        ):
            self.failureResultOf(self.identify(Credentials(header)), Unauthorized)

    def test_scheme_is_the_same_in_any_case(self) -> None:
        self.assertEqual(self.name(Credentials(BOB.replace("Basic", "bASIC"))), "bob")

    def test_blanks_alone_are_nothing(self) -> None:
        self.assertEqual(self.name(Credentials("  ")), "")

    def test_any_scheme_is_passed_over_where_none_means_anything(self) -> None:
        for header in (BOB, "Negotiate abc", "Bearer x"):
            done = self.identify(Credentials(header), (ByCertificate(),), ())
            self.assertTrue(self.successResultOf(done).identity.is_anonymous)

    def test_what_cannot_be_found_out_is_not_passed_over(self) -> None:
        done = self.identify(Credentials(BOB), (Asleep(), BY_PASSWORD))
        self.failureResultOf(done, Unavailable)
