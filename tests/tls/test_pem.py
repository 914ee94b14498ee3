"""Tests of ``txregistry/tls/pem.py``."""

from collections.abc import Callable

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)
from twisted.trial.unittest import SynchronousTestCase

from tests.authorities import issue
from tests.client.certificates import certify
from tests.temporary import make_file
from txregistry.settings.section import SettingsError
from txregistry.tls.pem import (
    parse_crls,
    read_certificates,
    read_file,
    read_key,
    read_public_key,
)

KEY = Ed25519PrivateKey.generate()
PRIVATE = KEY.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
PUBLIC = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
CERTIFICATES = [certify(name).certificate for name in ("one", "two")]
BUNDLE = b"# A comment.\n" + b"\n".join(
    each.public_bytes(Encoding.PEM) for each in CERTIFICATES
)
DAMAGED = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"


class PemTests(SynchronousTestCase):
    def file(self, data: bytes) -> str:
        return make_file(self, "file.pem", data)

    def refuse(self, read: Callable[[str, str], object], data: bytes | None) -> None:
        """Expect a refusal that names the setting and the file."""
        path = "/nowhere/file.pem" if data is None else self.file(data)
        with self.assertRaises(SettingsError) as raised:
            read("some.setting", path)
        self.assertIn(f"some.setting: {path!r}", str(raised.exception))

    def test_all_certificates_are_read_in_order(self) -> None:
        found = read_certificates("some.setting", self.file(BUNDLE))
        self.assertEqual(found, CERTIFICATES)

    def test_certificates_that_are_none_are_refused(self) -> None:
        for data in (None, b"", b"junk", PUBLIC, DAMAGED, BUNDLE + DAMAGED):
            self.refuse(read_certificates, data)

    def test_all_lists_of_revoked_ones_are_parsed(self) -> None:
        one, two = issue("one", authority=True), issue("two", authority=True)
        data = b"# A comment.\n" + one.revoke() + b"\n" + two.revoke(one)
        found = parse_crls("some.setting", "file.pem", data)
        self.assertEqual([len(each) for each in found], [0, 1])

    def test_lists_that_are_none_are_refused(self) -> None:
        damaged = DAMAGED.replace(b"CERTIFICATE", b"X509 CRL")
        for data in (b"", b"junk", PUBLIC, BUNDLE, damaged):
            with self.assertRaises(SettingsError) as raised:
                parse_crls("some.setting", "file.pem", data)
            self.assertIn("some.setting: 'file.pem'", str(raised.exception))

    def test_private_key_is_read(self) -> None:
        found = read_key("some.setting", self.file(PRIVATE))
        self.assertIsInstance(found, Ed25519PrivateKey)

    def test_private_keys_that_are_none_are_refused(self) -> None:
        for data in (None, b"", b"junk", PUBLIC, PRIVATE[:60]):
            self.refuse(read_key, data)

    def test_public_key_is_read(self) -> None:
        found = read_public_key("some.setting", self.file(PUBLIC))
        self.assertEqual(found, KEY.public_key())

    def test_public_keys_that_are_none_are_refused(self) -> None:
        for data in (None, b"", b"junk", PRIVATE, PUBLIC[:60]):
            self.refuse(read_public_key, data)

    def test_file_is_read(self) -> None:
        self.assertEqual(read_file("some.setting", self.file(b"data")), b"data")

    def test_no_file_is_refused(self) -> None:
        with self.assertRaises(SettingsError):
            read_file("some.setting", None)
