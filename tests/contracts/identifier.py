"""What every way to know somebody must do."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from typing import ClassVar, Final

from cryptography.x509 import Certificate
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.client.certificates import certify
from txregistry.auth.interfaces import Caller, Credentials, IIdentifier
from txregistry.model.errors import Unauthorized

HEADERS: Final = (
    "Basic",
    "Basic Ym9iOnNlY3JldA==",
    "Bearer",
    "Bearer e30.e30.e30",
    'Token signature=x,repository="acme/web",access=read',
    'Digest username="bob"',
    "bob",
    "Basicx Ym9iOnNlY3JldA==",
    "Bearers e30.e30.e30",
    " ",
    "\0",
)
"""Values of ``Authorization`` that are of one scheme or another, or of none."""

PLACES: Final = ("192.0.2.7", "2001:db8::7", "")


@cache
def a_certificate() -> Certificate:
    """Give a certificate that says it is Bob's."""
    return certify("bob").certificate


class IdentifierContract(SynchronousTestCase):
    """Inherit as ``identifier.IdentifierContract``: so it is not collected itself.

    Attributes:
        scheme: That of the header which is read, as ``Basic``; empty where it is the
            certificate.
        names: Who can be known: two names, or more.
        groups: What those belong to who do, by name.
    """

    scheme: ClassVar[str] = ""
    names: ClassVar[tuple[str, ...]] = ("bob", "carol")
    groups: ClassVar[Mapping[str, frozenset[str]]] = {}

    def make_identifier(self) -> IIdentifier:
        """Make one of its own."""
        raise NotImplementedError

    def credentials(self, name: str) -> Credentials:
        """Give what somebody shows who is known: one of `names`. No address is in it.

        It is always the same for the same name, within a test.
        """
        raise NotImplementedError

    def wrong(self) -> Iterable[Credentials]:
        """Give what is refused: forged, expired, of somebody unknown, malformed."""
        raise NotImplementedError

    def wait(self) -> None:
        """Let as much time pass as an answer may take."""

    def setUp(self) -> None:
        self.identifier = self.make_identifier()

    def start(self, shown: Credentials) -> "Deferred[Caller | None]":
        """Begin to find out who somebody is."""
        return Deferred.fromCoroutine(self.identifier.identify(shown))

    def identify(self, shown: Credentials) -> Caller | None:
        """Give who somebody is."""
        done = self.start(shown)
        self.wait()
        return self.successResultOf(done)

    def known(self, shown: Credentials) -> Caller:
        """Give who somebody is that must be known."""
        caller = self.identify(shown)
        assert caller is not None
        return caller

    def refuse(self, shown: Credentials) -> None:
        """Make sure that somebody is refused."""
        done = self.start(shown)
        self.wait()
        self.failureResultOf(done, Unauthorized)

    def nobody(self, shown: Credentials) -> None:
        """Make sure that somebody is refused, or not known."""

        async def ask() -> Caller | None:
            try:
                return await self.identifier.identify(shown)
            except Unauthorized:
                return None

        done = Deferred.fromCoroutine(ask())
        self.wait()
        self.assertIsNone(self.successResultOf(done))

    def test_interface(self) -> None:
        self.assertTrue(verifyObject(IIdentifier, self.identifier))

    def test_who_shows_nothing_is_not_known(self) -> None:
        for address in PLACES:
            self.assertIsNone(self.identify(Credentials(address=address)))

    def test_what_others_read_is_left_to_them(self) -> None:
        for header in HEADERS:
            if not self.scheme or header.partition(" ")[0] != self.scheme:
                self.assertIsNone(self.identify(Credentials(header)))

    def test_certificate_is_left_to_those_who_read_it(self) -> None:
        if self.scheme:
            shown = Credentials(certificate=a_certificate())
            self.assertIsNone(self.identify(shown))

    def test_good_credentials_tell_who_somebody_is(self) -> None:
        for name in self.names:
            caller = self.known(self.credentials(name))
            self.assertEqual(caller.identity.name, name)

    def test_they_tell_what_somebody_belongs_to(self) -> None:
        for name in self.names:
            caller = self.known(self.credentials(name))
            self.assertEqual(caller.identity.groups, self.groups.get(name, frozenset()))

    def test_where_somebody_asks_from_is_told_each_time(self) -> None:
        for name in self.names:
            for place in PLACES:
                shown = replace(self.credentials(name), address=place)
                self.assertEqual(self.known(shown).identity.address, place)

    def test_twice_is_as_once(self) -> None:
        shown = self.credentials("bob")
        self.assertEqual(self.known(shown), self.known(shown))

    def test_what_else_is_shown_changes_nothing(self) -> None:
        shown = self.credentials("bob")
        caller = self.known(shown)
        if self.scheme:
            both = replace(shown, certificate=a_certificate())
            self.assertEqual(self.known(both), caller)
        else:
            for header in HEADERS:
                both = replace(shown, authorization=header)
                self.assertEqual(self.known(both), caller)

    def test_many_ask_at_once(self) -> None:
        names = self.names * 10
        asked = [
            self.start(replace(self.credentials(name), address=f"192.0.2.{place}"))
            for place, name in enumerate(names)
        ]
        self.wait()
        for place, (name, done) in enumerate(zip(names, asked, strict=True)):
            caller = self.successResultOf(done)
            assert caller is not None
            self.assertEqual(caller.identity.name, name)
            self.assertEqual(caller.identity.address, f"192.0.2.{place}")

    def test_what_is_wrong_is_refused(self) -> None:
        count = 0
        for shown in self.wrong():
            self.refuse(shown)
            count += 1
        self.assertGreater(count, 0)

    def test_what_is_wrong_is_refused_again(self) -> None:
        for shown in self.wrong():
            self.refuse(shown)
            self.refuse(shown)

    def test_what_is_wrong_does_no_harm_to_others(self) -> None:
        before = self.known(self.credentials("bob"))
        for shown in self.wrong():
            self.refuse(shown)
        self.assertEqual(self.known(self.credentials("bob")), before)

    def test_malformed_header_is_nobody(self) -> None:
        scheme = self.scheme or "Bearer"
        for text in (
            "",
            " ",
            "\0",
            "\n",
            "=",
            ".",
            "..",
            ":",
            "é",
            "\ud800",
            "x" * 10_000,
            " " * 10_000,
            "." * 10_000,
            "é" * 10_000,
            "\0" * 10_000,
            "x" * 1_000_000,
        ):
            self.nobody(Credentials(scheme + text))
            self.nobody(Credentials(f"{scheme} {text}"))

    @settings(max_examples=50)
    @given(st.text(st.characters()))
    def test_any_text_can_be_shown(self, text: str) -> None:
        self.nobody(Credentials(text))
        self.nobody(Credentials(f"{self.scheme or 'Bearer'} {text}"))

    @settings(max_examples=30)
    @given(st.data())
    def test_changed_header_is_nobody(self, data: st.DataObject) -> None:
        header = self.credentials("bob").authorization
        if not header:
            return  # a certificate is as TLS has verified it
        place = data.draw(st.integers(len(self.scheme) + 1, len(header) - 1))
        other = data.draw(st.characters(exclude_characters=f" {header[place]}"))
        for changed in (
            header[:place] + other + header[place + 1 :],
            header[:place] + other + header[place:],
            header[:place] + header[place + 1 :],
            header[:place],
            header + other,
        ):
            self.nobody(Credentials(changed))
