"""Tests of ``txregistry/certs/authority.py``."""

import ipaddress
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import given
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from txregistry.certs.authority import Authority, parse_host

NOW: Final = datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=UTC)
LATER: Final = NOW + timedelta(days=1)
AUTHORITY: Final = Authority.create(NOW)
OWN: Final = AUTHORITY.own.certificate
SERVER: Final = AUTHORITY.issue_server(
    [parse_host("registry.example"), parse_host("127.0.0.1"), parse_host("::1")], NOW
).certificate
BOB: Final = AUTHORITY.issue_client("bob", ["ops", "dev"], NOW, 30).certificate


class HostTests(SynchronousTestCase):
    def test_names(self) -> None:
        for text in (
            "localhost",
            "a",
            "registry.example",
            "1.example",
            "xn--a-0",
            "1-a",
        ):
            self.assertEqual(parse_host(text), x509.DNSName(text))

    def test_case_is_of_no_matter(self) -> None:
        self.assertEqual(parse_host("Registry.EXAMPLE"), parse_host("registry.example"))

    def test_addresses(self) -> None:
        for text in ("127.0.0.1", "::1", "2001:db8::7"):
            address = x509.IPAddress(ipaddress.ip_address(text))
            self.assertEqual(parse_host(text), address)

    def test_neither(self) -> None:
        for text in (
            "",
            ".",
            "a.",
            ".a",
            "a..b",
            "-a",
            "a-",
            "a_b",
            "*.example",
            "a:5000",
            "https://a",
            "[::1]",
            "fe80::1%eth0",
            "1.2.3",
            "1.2.3.256",
            "127.0.0.1/8",
            "a\n",
            "a b",
            "bücher.example",
            "a" * 64,
            "a." * 127 + "aa",
        ):
            with self.assertRaises(ValueError) as raised:
                parse_host(text)
            self.assertIn(f"{text!r} is neither", str(raised.exception))

    def test_longest(self) -> None:
        longest = ".".join(["a" * 63] * 3 + ["b" * 61])
        self.assertEqual(len(longest), 253)
        self.assertEqual(parse_host(longest).value, longest)

    @given(st.ip_addresses())
    def test_any_address(
        self, address: ipaddress.IPv4Address | ipaddress.IPv6Address
    ) -> None:
        self.assertEqual(parse_host(str(address)), x509.IPAddress(address))

    @given(st.text(st.sampled_from("aZ09.-:_[]%\n/ ")))
    def test_any_text_is_a_host_or_refused(self, text: str) -> None:
        try:
            host = parse_host(text)
        except ValueError:
            return
        self.assertEqual(str(host), str(parse_host(str(host.value))))


class OwnTests(SynchronousTestCase):
    def test_it_may_sign_leaves_and_lists_only(self) -> None:
        limits = OWN.extensions.get_extension_for_class(x509.BasicConstraints)
        self.assertTrue(limits.critical)
        self.assertEqual(limits.value, x509.BasicConstraints(ca=True, path_length=0))
        usage = OWN.extensions.get_extension_for_class(x509.KeyUsage)
        self.assertTrue(usage.critical)
        self.assertTrue(usage.value.key_cert_sign and usage.value.crl_sign)
        self.assertFalse(usage.value.digital_signature)

    def test_it_is_good_for_ten_years(self) -> None:
        self.assertLess(OWN.not_valid_before_utc, NOW)
        self.assertEqual((OWN.not_valid_after_utc - NOW).days // 365, 10)

    def test_no_other_is_called_so(self) -> None:
        self.assertNotEqual(Authority.create(NOW).own.certificate.subject, OWN.subject)


class IssuedTests(SynchronousTestCase):
    def test_keys_are_of_p256(self) -> None:
        for certificate in (OWN, SERVER, BOB):
            key = certificate.public_key()
            assert isinstance(key, ec.EllipticCurvePublicKey)
            self.assertIsInstance(key.curve, ec.SECP256R1)

    def test_they_are_signed_by_the_authority(self) -> None:
        for certificate in (SERVER, BOB):
            certificate.verify_directly_issued_by(OWN)
            self.assertTrue(AUTHORITY.has_issued(certificate))

    def test_those_of_others_are_not(self) -> None:
        other = Authority.create(NOW)
        self.assertFalse(AUTHORITY.has_issued(other.own.certificate))
        made = other.issue_client("bob", [], NOW, 30).certificate
        self.assertFalse(AUTHORITY.has_issued(made))

    def test_they_can_sign_nothing(self) -> None:
        for certificate in (SERVER, BOB):
            extensions = certificate.extensions
            limits = extensions.get_extension_for_class(x509.BasicConstraints)
            self.assertEqual((limits.critical, limits.value.ca), (True, False))
            usage = extensions.get_extension_for_class(x509.KeyUsage)
            self.assertTrue(usage.critical and usage.value.digital_signature)
            self.assertFalse(usage.value.key_cert_sign or usage.value.crl_sign)

    def test_each_is_for_its_purpose_only(self) -> None:
        for certificate, purpose in (
            (SERVER, ExtendedKeyUsageOID.SERVER_AUTH),
            (BOB, ExtendedKeyUsageOID.CLIENT_AUTH),
        ):
            found = certificate.extensions.get_extension_for_class(
                x509.ExtendedKeyUsage
            )
            self.assertEqual(list(found.value), [purpose])

    def test_server_has_its_names(self) -> None:
        found = SERVER.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        self.assertEqual(
            [str(each.value) for each in found.value],
            ["registry.example", "127.0.0.1", "::1"],
        )

    def test_client_has_its_name_and_groups(self) -> None:
        self.assertEqual(
            [(each.oid, each.value) for each in BOB.subject],
            [
                (NameOID.ORGANIZATIONAL_UNIT_NAME, "ops"),
                (NameOID.ORGANIZATIONAL_UNIT_NAME, "dev"),
                (NameOID.COMMON_NAME, "bob"),
            ],
        )

    def test_server_is_good_for_825_days_at_most(self) -> None:
        # RFC 5280, 4.1.2.5: both ends are included.
        good = SERVER.not_valid_after_utc - SERVER.not_valid_before_utc
        self.assertEqual(good + timedelta(seconds=1), timedelta(days=825))

    def test_client_is_good_for_as_long_as_is_said(self) -> None:
        self.assertEqual((BOB.not_valid_after_utc - BOB.not_valid_before_utc).days, 29)

    def test_clocks_may_be_behind(self) -> None:
        for certificate in (OWN, SERVER, BOB):
            behind = NOW - timedelta(minutes=59)
            self.assertLess(certificate.not_valid_before_utc, behind)

    def test_numbers_are_by_chance(self) -> None:
        numbers = {each.serial_number for each in (OWN, SERVER, BOB)}
        self.assertEqual(len(numbers), 3)
        self.assertGreater(min(numbers), 1 << 64)


class RevokedTests(SynchronousTestCase):
    def test_first_list_is_empty(self) -> None:
        found = AUTHORITY.list_revoked(NOW)
        self.assertEqual(len(found), 0)
        self.assertTrue(AUTHORITY.has_listed(found))
        self.assertEqual(self.number(found), 1)

    def test_list_is_good_as_long_as_the_authority(self) -> None:
        found = AUTHORITY.list_revoked(NOW)
        self.assertLess(found.last_update_utc, NOW)
        self.assertEqual(found.next_update_utc, OWN.not_valid_after_utc)

    def test_what_is_on_the_list_stays_there(self) -> None:
        found = AUTHORITY.list_revoked(NOW)
        for number in (5, 7, 6):
            found = AUTHORITY.list_revoked(LATER, found, number)
        self.assertEqual({each.serial_number for each in found}, {5, 6, 7})
        self.assertEqual(self.number(found), 4)
        self.assertTrue(AUTHORITY.has_listed(found))

    def test_when_it_was_revoked_stays(self) -> None:
        found = AUTHORITY.list_revoked(NOW, AUTHORITY.list_revoked(NOW), 5)
        found = AUTHORITY.list_revoked(LATER, found, 6)
        dates = {each.serial_number: each.revocation_date_utc for each in found}
        plain = {5: NOW.replace(microsecond=0), 6: LATER.replace(microsecond=0)}
        self.assertEqual(dates, plain)

    def test_list_of_somebody_else_is_told(self) -> None:
        self.assertFalse(AUTHORITY.has_listed(Authority.create(NOW).list_revoked(NOW)))

    def number(self, found: x509.CertificateRevocationList) -> int:
        value = found.extensions.get_extension_for_class(x509.CRLNumber).value
        return value.crl_number
