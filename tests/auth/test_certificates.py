"""Tests of ``txregistry/auth/certificates.py``."""

import re
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import ClassVar, Final

from cryptography import x509
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from tests.auth.shown import BAD_ALTERNATIVES, ENDS, dns, emails, make, uris
from tests.contracts import identifier
from txregistry.auth.accounts import may_exist
from txregistry.auth.certificates import CertificateIdentifier, NameSource
from txregistry.auth.interfaces import Caller, Credentials
from txregistry.model.access import Identity
from txregistry.model.errors import Unauthorized

DURING: Final = (ENDS - timedelta(days=5)).timestamp()
CN: Final = NameSource("cn")
WORDS: Final = frozenset({"everyone", "anonymous", "authenticated"})
TEXTS = st.text(st.characters(codec="utf-8"), min_size=1, max_size=16)


def can_be_called(name: str) -> bool:
    """Say whether somebody can have a name."""
    return may_exist(name, "-") and name not in WORDS and name[0] != "@"


@cache
def certificate_of(name: str) -> x509.Certificate:
    """Give the one certificate of somebody."""
    return make(name, alternatives=dns(name))


class ContractTests(identifier.IdentifierContract):
    groups: ClassVar[Mapping[str, frozenset[str]]] = {"bob": frozenset({"ops", "dev"})}

    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(DURING)
        super().setUp()

    def make_identifier(self) -> CertificateIdentifier:
        return CertificateIdentifier([CN], self.clock, self.groups)

    def credentials(self, name: str) -> Credentials:
        return Credentials(certificate=certificate_of(name))

    def wrong(self) -> Iterable[Credentials]:
        now = datetime.fromtimestamp(self.clock.seconds(), UTC)
        past = make("bob", ends=now - timedelta(seconds=1))
        yield Credentials(certificate=past)
        yield Credentials("Basic Ym9iOnNlY3JldA==", certificate=past)


class CertificatesCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.clock.advance(DURING)

    def ask(
        self, asked: CertificateIdentifier, certificate: x509.Certificate
    ) -> "Deferred[Caller | None]":
        return Deferred.fromCoroutine(
            asked.identify(Credentials(certificate=certificate))
        )

    def identity(
        self,
        certificate: x509.Certificate,
        *sources: NameSource,
        groups: Mapping[str, frozenset[str]] | None = None,
        units: bool = False,
    ) -> Identity | None:
        """Give who has a certificate."""
        asked = CertificateIdentifier(sources or [CN], self.clock, groups, units=units)
        caller = self.successResultOf(self.ask(asked, certificate))
        if caller is None:
            return None
        self.assertEqual(caller, Caller(caller.identity))
        return caller.identity

    def name(self, certificate: x509.Certificate, *sources: NameSource) -> str | None:
        """Give the name of who has a certificate."""
        found = self.identity(certificate, *sources)
        return None if found is None else found.name


class FieldTests(CertificatesCase):
    def test_common_name(self) -> None:
        self.assertEqual(self.name(make("bob", alternatives=dns("eve"))), "bob")

    def test_host(self) -> None:
        made = make("eve", alternatives=dns("build.example"))
        self.assertEqual(self.name(made, NameSource("dns")), "build.example")

    def test_case_of_a_host_is_of_no_matter(self) -> None:
        made = make(alternatives=dns("Build.Example", "build.example"))
        self.assertEqual(self.name(made, NameSource("dns")), "build.example")

    def test_address_of_mail(self) -> None:
        made = make("eve", alternatives=emails("bob@acme.example"))
        self.assertEqual(self.name(made, NameSource("email")), "bob@acme.example")

    def test_uri(self) -> None:
        made = make("eve", alternatives=uris("spiffe://acme.example/ns/ci/sa/build"))
        source = NameSource("uri", r"spiffe://acme\.example/ns/ci/sa/([a-z]+)")
        self.assertEqual(self.name(made, source), "build")

    def test_kinds_are_not_mixed_up(self) -> None:
        made = make("cn", alternatives=dns("dns") + emails("email@x") + uris("uri://x"))
        for field, name in (
            ("cn", "cn"),
            ("dns", "dns"),
            ("email", "email@x"),
            ("uri", "uri://x"),
        ):
            self.assertEqual(self.name(made, NameSource(field)), name)

    def test_absent_field_has_no_name(self) -> None:
        for field in ("cn", "dns", "email", "uri"):
            self.assertIsNone(self.name(make(), NameSource(field)))

    def test_spiffe_id_beside_another_uri_is_in_doubt(self) -> None:
        for other in ("https://acme.example/", "spiffe://acme.example/eve"):
            made = make(alternatives=uris("spiffe://acme.example/bob", other))
            source = NameSource("uri", r"spiffe://acme\.example/(bob)")
            self.assertIsNone(self.name(made, source))

    def test_other_uris_may_be_several(self) -> None:
        made = make(alternatives=uris("https://acme.example/", "acme:bob"))
        self.assertEqual(self.name(made, NameSource("uri", "acme:(.+)")), "bob")


class PatternTests(CertificatesCase):
    def test_whole_value_must_match(self) -> None:
        for value in ("bob.acme.example.evil", "evil.bob.acme.example\n", "bob"):
            source = NameSource("cn", r"bob\.acme\.example")
            self.assertIsNone(self.name(make(value), source))

    def test_alternative_must_match_as_a_whole(self) -> None:
        self.assertIsNone(self.name(make("bobby"), NameSource("cn", "bob|eve")))
        self.assertEqual(self.name(make("bob"), NameSource("cn", "bob|eve")), "bob")

    def test_value_is_the_name_where_there_is_no_group(self) -> None:
        source = NameSource("cn", r"(?:[a-z]+)\.acme")
        self.assertEqual(self.name(make("bob.acme"), source), "bob.acme")

    def test_first_group_is_the_name(self) -> None:
        source = NameSource("cn", r"([a-z]+)\.([a-z]+)")
        self.assertEqual(self.name(make("bob.acme"), source), "bob")

    def test_group_called_name_is_the_name(self) -> None:
        source = NameSource("cn", r"(acme|evil)-(?P<name>[a-z]+)")
        self.assertEqual(self.name(make("acme-bob"), source), "bob")

    def test_group_without_a_part_is_no_match(self) -> None:
        source = NameSource("cn", r"(?:(bob)|eve)")
        self.assertIsNone(self.name(make("eve"), source))
        self.assertEqual(self.name(make("eve"), source, CN), "eve")

    def test_empty_group_is_no_name(self) -> None:
        self.assertIsNone(self.name(make("bob"), NameSource("cn", "([0-9]*)bob")))


class OrderTests(CertificatesCase):
    SOURCES: ClassVar = (NameSource("email", r"(.+)@acme\.example"), CN)

    def test_first_source_that_matches_counts(self) -> None:
        made = make("eve", alternatives=emails("bob@acme.example"))
        self.assertEqual(self.name(made, *self.SOURCES), "bob")

    def test_next_source_counts_where_no_value_matches(self) -> None:
        made = make("bob", alternatives=emails("eve@evil.example"))
        self.assertEqual(self.name(made, *self.SOURCES), "bob")

    def test_next_source_counts_where_the_field_is_absent(self) -> None:
        self.assertEqual(self.name(make("bob"), *self.SOURCES), "bob")

    def test_values_that_do_not_match_are_of_no_matter(self) -> None:
        made = make(alternatives=emails("eve@evil.example", "bob@acme.example"))
        self.assertEqual(self.name(made, *self.SOURCES), "bob")

    def test_one_name_twice_is_that_name(self) -> None:
        made = make(alternatives=emails("bob@acme.example", "bob@acme.example"))
        self.assertEqual(self.name(made, *self.SOURCES), "bob")

    def test_two_names_of_one_source_are_none(self) -> None:
        made = make("bob", alternatives=emails("bob@acme.example", "eve@acme.example"))
        self.assertIsNone(self.name(made, *self.SOURCES))
        self.assertIsNone(self.name(make("bob", "eve")))

    def test_what_cannot_be_a_name_is_not_made_good_by_another(self) -> None:
        made = make("bob", alternatives=emails("anonymous@acme.example"))
        self.assertIsNone(self.name(made, *self.SOURCES))


class NameTests(CertificatesCase):
    def test_words_of_rules_are_no_names(self) -> None:
        for name in ("everyone", "anonymous", "authenticated", "@ops", "@"):
            self.assertIsNone(self.name(make(name)))

    def test_what_only_has_such_a_word_in_it_is_a_name(self) -> None:
        for name in ("everyone-else", "Anonymous", "bob@ops"):
            self.assertEqual(self.name(make(name)), name)

    def test_control_characters_are_in_no_name(self) -> None:
        for text in ("\0", "\n", "\x7f", "\x85"):
            self.assertIsNone(self.name(make(f"bob{text}")))

    def test_empty_name_is_none(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what is shorter than it should be
            self.assertIsNone(self.name(make(""), NameSource("cn", ".*")))

    def test_longest_value(self) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what is longer than it should be
            self.assertEqual(self.name(make("b" * 1024)), "b" * 1024)
            self.assertIsNone(self.name(make("b" * 1025)))
            self.assertIsNone(self.name(make("b" * 1025), NameSource("cn", "(b).*")))

    def test_long_value_is_not_made_good_by_another(self) -> None:
        made = make("bob", alternatives=dns("b" * 1025))
        self.assertIsNone(self.name(made, NameSource("dns", "none"), CN))

    def test_most_values(self) -> None:
        source = NameSource("dns", "bob")
        others = [f"host-{number}" for number in range(99)]
        made = make(alternatives=dns("bob", *others))
        self.assertEqual(self.name(made, source), "bob")
        self.assertIsNone(
            self.name(make(alternatives=dns("bob", "eve", *others)), source)
        )

    @settings(max_examples=50)
    @given(TEXTS)
    def test_common_name_is_a_name_where_it_can_be_one(self, text: str) -> None:
        found = self.name(make(text))
        self.assertEqual(found, text if can_be_called(text) else None)

    @settings(max_examples=50)
    @given(st.lists(TEXTS, max_size=4), st.sampled_from(("[a-m].*", "(.).*", ".")))
    def test_name_is_the_only_one_or_there_is_none(
        self, values: list[str], pattern: str
    ) -> None:
        matches = [re.fullmatch(pattern, value) for value in values]
        names = {match[match.re.groups] for match in matches if match is not None}
        found = self.name(make(*values), NameSource("cn", pattern))
        if found is None:
            self.assertTrue(len(names) != 1 or not any(map(can_be_called, names)))
        else:
            self.assertEqual(names, {found})


class MalformedTests(CertificatesCase):
    def test_what_cannot_be_read_is_nobody(self) -> None:
        for field in ("dns", "email", "uri"):
            made = make("bob", extension=BAD_ALTERNATIVES)
            self.assertIsNone(self.name(made, NameSource(field), CN))

    def test_alternative_names_of_unknown_form_are_nobody(self) -> None:
        x400 = x509.UnrecognizedExtension(
            x509.SubjectAlternativeName.oid, b"\x30\x02\xa3\x00"
        )
        self.assertIsNone(self.name(make("bob", extension=x400), NameSource("dns"), CN))

    def test_what_nobody_looks_at_may_be_malformed(self) -> None:
        self.assertEqual(self.name(make("bob", extension=BAD_ALTERNATIVES)), "bob")

    def test_it_is_logged_once_without_what_is_in_it(self) -> None:
        made = make("bob", "mallory\n")
        asked = CertificateIdentifier([CN], self.clock)
        with capturedLogs() as logs:
            for _ in range(3):
                self.assertIsNone(self.successResultOf(self.ask(asked, made)))
        (event,) = logs
        self.assertEqual(event["log_level"].name, "debug")
        self.assertEqual(event["fingerprint"], made.fingerprint(SHA256()).hex())
        self.assertNotIn("mallory", event["reason"])


class GroupTests(CertificatesCase):
    GROUPS: ClassVar = {"bob": frozenset({"dev"})}

    def test_groups_are_those_of_the_name(self) -> None:
        for name, groups in (("bob", frozenset({"dev"})), ("eve", frozenset())):
            found = self.identity(make(name), groups=self.GROUPS)
            self.assertEqual(found, Identity(name, groups))

    def test_units_are_groups_where_that_is_said(self) -> None:
        made = make("bob", units=["ops", "web team"])
        found = self.identity(made, groups=self.GROUPS, units=True)
        self.assertEqual(found, Identity("bob", frozenset({"dev", "ops", "web team"})))

    def test_units_are_nothing_else(self) -> None:
        found = self.identity(make("bob", units=["ops"]), groups=self.GROUPS)
        self.assertEqual(found, Identity("bob", frozenset({"dev"})))

    def test_who_is_in_no_unit(self) -> None:
        self.assertEqual(self.identity(make("bob"), units=True), Identity("bob"))

    def test_unit_that_cannot_be_a_group_is_in_doubt(self) -> None:
        self.assertIsNone(self.identity(make("bob", units=["a", "b\n"]), units=True))

    def test_too_many_units_are_in_doubt(self) -> None:
        many = [f"unit-{number}" for number in range(101)]
        self.assertIsNone(self.identity(make("bob", units=many), units=True))


class ExpiryTests(CertificatesCase):
    def setUp(self) -> None:
        super().setUp()
        self.asked = CertificateIdentifier([CN], self.clock)

    def test_certificate_is_good_to_the_end(self) -> None:
        self.assertIsNotNone(self.successResultOf(self.ask(self.asked, make("bob"))))
        self.clock.advance(ENDS.timestamp() - DURING)
        self.assertIsNotNone(self.successResultOf(self.ask(self.asked, make("bob"))))

    def test_certificate_that_expires_meanwhile_is_refused(self) -> None:
        made = make("bob")
        self.successResultOf(self.ask(self.asked, made))
        self.clock.advance(ENDS.timestamp() - DURING + 1)
        self.failureResultOf(self.ask(self.asked, made), Unauthorized)

    def test_certificate_without_a_name_is_refused_too(self) -> None:
        self.clock.advance(ENDS.timestamp() - DURING + 1)
        self.failureResultOf(self.ask(self.asked, make()), Unauthorized)


class MemoryTests(CertificatesCase):
    def test_what_was_read_is_remembered(self) -> None:
        asked = CertificateIdentifier([CN], self.clock)
        made = make("bob", "eve")
        with capturedLogs() as logs:
            self.successResultOf(self.ask(asked, made))
            for number in range(999):
                self.successResultOf(self.ask(asked, self.others(number)))
            self.successResultOf(self.ask(asked, made))
            self.successResultOf(self.ask(asked, self.others(999)))
            self.successResultOf(self.ask(asked, made))
            self.assertEqual(len(logs), 1)
            for number in range(1000):
                self.successResultOf(self.ask(asked, self.others(number)))
            self.successResultOf(self.ask(asked, made))
        self.assertEqual(len(logs), 2)

    def test_certificates_are_told_apart(self) -> None:
        asked = CertificateIdentifier([CN], self.clock)
        for name in ("bob", "eve", "bob"):
            done = self.ask(asked, certificate_of(name))
            self.assertEqual(self.successResultOf(done), Caller(Identity(name)))

    def test_address_is_not_remembered(self) -> None:
        asked = CertificateIdentifier([CN], self.clock)
        shown = Credentials(certificate=certificate_of("bob"))
        for address in ("192.0.2.1", "192.0.2.2"):
            at = replace(shown, address=address)
            caller = self.successResultOf(Deferred.fromCoroutine(asked.identify(at)))
            assert caller is not None
            self.assertEqual(caller.identity.address, address)

    @staticmethod
    @cache
    def others(number: int) -> x509.Certificate:
        """Give one of a thousand certificates."""
        return make(f"other-{number}")


class ConstructionTests(SynchronousTestCase):
    def refuse(self, *sources: NameSource) -> str:
        with self.assertRaises(ValueError) as raised:
            CertificateIdentifier(sources, Clock())
        return str(raised.exception)

    def test_no_source(self) -> None:
        self.assertIn("must be a field", self.refuse())

    def test_unknown_field(self) -> None:
        for field in ("", "CN", "ou", "ip"):
            told = self.refuse(CN, NameSource(field))
            self.assertIn(f"{field!r} is no field", told)
            self.assertIn("'cn', 'dns', 'email', 'uri'", told)

    def test_pattern_that_is_none(self) -> None:
        for pattern in ("(", "[a", "a{99999999999999}", "(" * 5000 + ")" * 5000):
            told = self.refuse(CN, NameSource("cn", pattern))
            self.assertIn("is no regular expression: ", told)
