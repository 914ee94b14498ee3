"""Tests of ``txregistry/web/certificates.py``."""

from typing import Any

from cryptography import x509
from cryptography.x509.oid import NameOID
from OpenSSL.crypto import X509
from twisted.internet.interfaces import ISSLTransport
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase
from zope.interface import directlyProvides

from tests.client.certificates import certify
from txregistry.web.certificates import certificate_name


class TlsTransport(StringTransport):
    """A transport whose other side may have shown a certificate."""

    def __init__(self, certificate: x509.Certificate | None) -> None:
        super().__init__()
        self._certificate = certificate
        directlyProvides(self, ISSLTransport)  # of which no more is used

    def getPeerCertificate(self) -> X509 | None:  # noqa: N802 - Twisted's
        """See ``ISSLTransport``."""
        if self._certificate is None:
            return None
        return X509.from_cryptography(self._certificate)


class Ends:
    """What of a request leads to its transport."""

    def __init__(self, transport: StringTransport) -> None:
        self.channel = self
        self.transport = transport


class CertificateNameTests(SynchronousTestCase):
    def name(self, transport: StringTransport) -> str | None:
        request: Any = Ends(transport)
        return certificate_name(request)

    def test_common_name_is_given(self) -> None:
        transport = TlsTransport(certify("bob").certificate)
        self.assertEqual(self.name(transport), "bob")

    def test_client_without_a_certificate_has_no_name(self) -> None:
        self.assertIsNone(self.name(TlsTransport(None)))

    def test_without_tls_nobody_has_a_name(self) -> None:
        self.assertIsNone(self.name(StringTransport()))

    def test_certificate_of_two_names_has_none(self) -> None:
        self.assertIsNone(self.name(TlsTransport(self.make("bob", "eve"))))

    def test_certificate_of_no_name_has_none(self) -> None:
        self.assertIsNone(self.name(TlsTransport(self.make())))

    def make(self, *names: str) -> x509.Certificate:
        """Make a certificate of so many names."""
        signer = certify("authority", authority=True)
        attributes = [x509.NameAttribute(NameOID.COMMON_NAME, each) for each in names]
        more = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, "acme")]
        found = signer.certificate
        return (
            x509.CertificateBuilder()
            .subject_name(x509.Name([*more, *attributes]))
            .issuer_name(found.subject)
            .public_key(found.public_key())
            .serial_number(1)
            .not_valid_before(found.not_valid_before_utc)
            .not_valid_after(found.not_valid_after_utc)
            .sign(signer.key, found.signature_hash_algorithm)  # type: ignore[arg-type]  # one that signs
        )
