"""Tests of ``txregistry/tls/files.py``."""

import os
from datetime import timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from twisted.trial.unittest import SynchronousTestCase

from tests.authorities import NOW, Files, Issued, issue
from tests.temporary import make_folder
from txregistry.settings.section import SettingsError
from txregistry.settings.sections import Tls
from txregistry.stamps import newest, stamp
from txregistry.tls.files import TlsFiles, read_tls, tls_paths

ROOT = issue("root", authority=True)
MIDDLE = ROOT.issue("middle", authority=True)
OTHER = issue("other", authority=True)
SERVER = ROOT.issue("server")


def plain(subject: str, issuer: str) -> bytes:
    """Make a certificate without extensions, as in a file."""
    names = [
        x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, each)])
        for each in (subject, issuer)
    ]
    return (
        x509.CertificateBuilder()
        .subject_name(names[0])
        .issuer_name(names[1])
        .public_key(ROOT.key.public_key())
        .serial_number(1)
        .not_valid_before(NOW)
        .not_valid_after(NOW + timedelta(days=1))
        .sign(ROOT.key, SHA256())
        .public_bytes(Encoding.PEM)
    )


class TlsFilesCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.files = Files(make_folder(self))
        self.certificate = self.files.put("server.pem", SERVER.pem, MIDDLE.pem)
        self.key = self.files.put("server.key", SERVER.key_pem)

    def tls(self, *authorities: Issued, crls: tuple[bytes, ...] = ()) -> Tls:
        """Make settings; each authority has a file, and each list."""
        return Tls(
            self.certificate,
            self.key,
            clientcas=tuple(
                self.files.put(f"ca{place}.pem", each.pem)
                for place, each in enumerate(authorities)
            ),
            crls=tuple(
                self.files.put(f"{place}.crl", each) for place, each in enumerate(crls)
            ),
        )

    def read(self, *authorities: Issued, crls: tuple[bytes, ...] = ()) -> TlsFiles:
        return read_tls(self.tls(*authorities, crls=crls), NOW)

    def refuse(self, tls: Tls, *told: str) -> None:
        with self.assertRaises(SettingsError) as raised:
            read_tls(tls, NOW)
        for each in told:
            self.assertIn(each, str(raised.exception))


class ReadingTests(TlsFilesCase):
    def test_chain_is_read_in_order(self) -> None:
        self.assertEqual(self.read().chain, [SERVER.certificate, MIDDLE.certificate])

    def test_authorities_are_read(self) -> None:
        found = self.read(ROOT, OTHER).authorities
        self.assertEqual(found, [ROOT.certificate, OTHER.certificate])

    def test_several_lists_may_be_in_one_file(self) -> None:
        both = ROOT.revoke() + OTHER.revoke()
        self.assertEqual(len(self.read(ROOT, OTHER, crls=(both,)).crls), 2)

    def test_key_of_another_certificate_is_refused(self) -> None:
        self.key = self.files.put("server.key", OTHER.key_pem)
        self.refuse(self.tls(), "http.tls.key", self.key, self.certificate)

    def test_absent_file_is_refused_by_its_setting(self) -> None:
        nowhere = self.files.path("nowhere")
        for tls, setting in (
            (Tls(nowhere, self.key), "http.tls.certificate"),
            (Tls(self.certificate, nowhere), "http.tls.key"),
            (Tls(self.certificate, self.key, (nowhere,)), "http.tls.clientcas"),
            (Tls(self.certificate, self.key, crls=(nowhere,)), "http.tls.crls"),
        ):
            self.refuse(tls, f"{setting}: {nowhere!r}")

    def test_junk_is_refused_by_its_setting(self) -> None:
        junk = self.files.put("junk", b"junk")
        for tls, setting in (
            (Tls(junk, self.key), "http.tls.certificate"),
            (Tls(self.certificate, junk), "http.tls.key"),
            (Tls(self.certificate, self.key, (junk,)), "http.tls.clientcas"),
            (Tls(self.certificate, self.key, crls=(junk,)), "http.tls.crls"),
        ):
            self.refuse(tls, f"{setting}: {junk!r}")

    def test_authorities_that_are_none_are_refused(self) -> None:
        """Nobody could come in: what they sign is good nowhere."""
        self.refuse(
            self.tls(ROOT, SERVER), "http.tls.clientcas", "ca1.pem", "CN=server"
        )
        alone = issue("alone")
        self.refuse(self.tls(alone), "http.tls.clientcas", "ca0.pem", "no authority")

    def test_others_may_be_beside_an_authority(self) -> None:
        path = self.files.put("both.pem", SERVER.pem, ROOT.pem)
        found = read_tls(Tls(self.certificate, self.key, (path,)), NOW).authorities
        self.assertEqual(found, [SERVER.certificate, ROOT.certificate])

    def test_certificates_that_do_not_say_what_they_are(self) -> None:
        """Authorities of old say nothing, and sign themselves."""
        for subject, issuer, taken in (
            ("root", "root", True),
            ("leaf", "root", False),
        ):
            path = self.files.put("old.pem", plain(subject, issuer))
            tls = Tls(self.certificate, self.key, (path,))
            if taken:
                self.assertEqual(len(read_tls(tls, NOW).authorities), 1)
            else:
                self.refuse(tls, "http.tls.clientcas", "CN=leaf")

    def test_same_content_has_the_same_digest(self) -> None:
        before = self.read(ROOT).digest
        self.files.put("server.pem", SERVER.pem, MIDDLE.pem)
        self.assertEqual(self.read(ROOT).digest, before)

    def test_any_other_content_has_another_digest(self) -> None:
        digests = {
            self.read(ROOT).digest,
            self.read(OTHER).digest,
            self.read(ROOT, crls=(ROOT.revoke(),)).digest,
        }
        self.assertEqual(len(digests), 3)


class RevocationTests(TlsFilesCase):
    def test_list_that_no_authority_has_signed_is_refused(self) -> None:
        tls = self.tls(ROOT, crls=(ROOT.revoke() + OTHER.revoke(),))
        self.refuse(tls, "http.tls.crls", "0.crl", "CN=other", "http.tls.clientcas")

    def test_list_with_a_forged_signature_is_refused(self) -> None:
        forger = issue("root", authority=True)
        self.refuse(self.tls(ROOT, crls=(forger.revoke(),)), "http.tls.crls", "CN=root")

    def test_list_of_an_authority_that_cannot_sign_is_refused(self) -> None:
        dumb = Issued(
            x509.CertificateBuilder()
            .subject_name(ROOT.certificate.subject)
            .issuer_name(ROOT.certificate.subject)
            .public_key(X25519PrivateKey.generate().public_key())
            .serial_number(1)
            .not_valid_before(NOW)
            .not_valid_after(NOW + timedelta(days=1))
            .sign(ROOT.key, SHA256()),
            ROOT.key,
        )
        self.refuse(self.tls(dumb, crls=(ROOT.revoke(),)), "http.tls.crls", "CN=root")

    def test_list_that_begins_later_is_refused(self) -> None:
        tls = self.tls(ROOT, crls=(ROOT.revoke(since=1),))
        self.refuse(tls, "http.tls.crls", "not valid before")

    def test_every_authority_needs_a_list(self) -> None:
        tls = self.tls(ROOT, OTHER, crls=(ROOT.revoke(),))
        self.refuse(tls, "http.tls.crls", "CN=other")

    def test_authorities_must_be_there_up_to_the_root(self) -> None:
        tls = self.tls(MIDDLE, crls=(MIDDLE.revoke(),))
        self.refuse(tls, "http.tls.clientcas", "CN=root")

    def test_without_lists_they_need_not(self) -> None:
        self.assertEqual(self.read(MIDDLE).authorities, [MIDDLE.certificate])


class ExpiryTests(TlsFilesCase):
    def test_everything_has_its_end(self) -> None:
        tls = self.tls(ROOT, crls=(ROOT.revoke(until=3),))
        found = read_tls(tls, NOW).expiries
        self.assertEqual(
            [(each.setting, each.path, each.name) for each in found],
            [
                ("http.tls.certificate", self.certificate, "CN=server"),
                ("http.tls.certificate", self.certificate, "CN=middle"),
                ("http.tls.clientcas", tls.clientcas[0], "CN=root"),
                ("http.tls.crls", tls.crls[0], "CN=root"),
            ],
        )
        self.assertEqual(round((found[-1].moment - NOW) / timedelta(days=1)), 3)

    def test_certificate_is_warned_of_30_days_ahead(self) -> None:
        expiry = self.read().expiries[0]
        self.assertEqual(expiry.moment - expiry.warned_from, timedelta(days=30))

    def test_short_lived_list_is_warned_of_in_the_second_half_of_its_life(self) -> None:
        tls = self.tls(ROOT, crls=(ROOT.revoke(since=-3, until=4),))
        expiry = read_tls(tls, NOW).expiries[-1]
        self.assertEqual(expiry.moment - expiry.warned_from, timedelta(days=3.5))


class StampTests(TlsFilesCase):
    def test_files_are_listed_once(self) -> None:
        both = self.files.put("both.pem", SERVER.pem, SERVER.key_pem)
        self.assertEqual(tls_paths(Tls(both, both)), [both])

    def test_same_files_look_the_same(self) -> None:
        paths = tls_paths(self.tls())
        self.assertEqual(stamp(paths), stamp(paths))

    def test_replaced_file_looks_different(self) -> None:
        paths = tls_paths(self.tls())
        before = stamp(paths)
        self.files.put("server.key", SERVER.key_pem)
        self.assertNotEqual(stamp(paths), before)

    def test_absent_file_looks_like_none(self) -> None:
        self.assertEqual(stamp([self.files.path("nowhere")]), (None,))

    def test_last_change_is_that_of_the_newest_file(self) -> None:
        paths = tls_paths(self.tls())
        last = max(os.stat(path).st_ctime_ns for path in paths)
        self.assertEqual(newest((*stamp(paths), None)), last)
