"""Tests of ``txregistry/web/certificates.py``."""

from typing import Any

from cryptography import x509
from cryptography.x509.oid import NameOID
from OpenSSL.crypto import X509
from twisted.internet.interfaces import ISSLTransport
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.resource import IResource, Resource
from zope.interface import alsoProvides, directlyProvides, implementer
from zope.interface.verify import verifyObject

from tests.client.certificates import certify
from tests.web.wire import Connection
from txregistry.model.errors import Denied
from txregistry.web.certificates import (
    CertifiedResource,
    ICertifiedTransport,
    certificate_name,
    client_certificate,
)
from txregistry.web.site import RegistrySite

BOB = certify("bob").certificate
GET = b"GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n"
PUT = b"PUT /v2/ HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\n"


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


@implementer(ICertifiedTransport)
class CertifiedTransport(StringTransport):
    """A transport that knows who is there, until that is revoked."""

    def __init__(self, certificate: x509.Certificate | None) -> None:
        super().__init__()
        self._certificate = certificate
        self.revoked = False

    def client_certificate(self) -> x509.Certificate | None:
        """See `ICertifiedTransport`."""
        if self.revoked:
            raise Denied("Your certificate is good no longer.")
        return self._certificate


class Hello(Resource):
    """Answer whoever gets here."""

    isLeaf = True

    def render(self, request: Any) -> bytes:
        """Answer a request."""
        del request
        return b"hello"


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


class ClientCertificateTests(SynchronousTestCase):
    def ask(self, transport: StringTransport) -> x509.Certificate | None:
        request: Any = Ends(transport)
        return client_certificate(request)

    def test_transport_that_knows_is_asked(self) -> None:
        self.assertEqual(self.ask(CertifiedTransport(BOB)), BOB)

    def test_it_is_asked_for_the_name_too(self) -> None:
        request: Any = Ends(CertifiedTransport(BOB))
        self.assertEqual(certificate_name(request), "bob")

    def test_what_is_revoked_is_denied(self) -> None:
        transport = CertifiedTransport(BOB)
        transport.revoked = True
        with self.assertRaises(Denied):
            self.ask(transport)

    def test_other_tls_tells_what_was_shown(self) -> None:
        self.assertEqual(self.ask(TlsTransport(BOB)), BOB)

    def test_other_tls_tells_that_nothing_was_shown(self) -> None:
        self.assertIsNone(self.ask(TlsTransport(None)))

    def test_without_tls_there_is_none(self) -> None:
        self.assertIsNone(self.ask(StringTransport()))


class CertifiedResourceTests(SynchronousTestCase):
    def setUp(self) -> None:
        clock = Clock()
        site = RegistrySite(CertifiedResource(Hello()), clock)
        self.connection = Connection(site, clock)
        self.knows = CertifiedTransport(BOB)
        pipe: Any = self.connection.pipe
        pipe.client_certificate = self.knows.client_certificate
        alsoProvides(pipe, ICertifiedTransport)

    def test_interface(self) -> None:
        self.assertTrue(verifyObject(IResource, CertifiedResource(Hello())))

    def test_good_certificate_is_let_through(self) -> None:
        self.connection.send(GET)
        self.assertEqual(self.connection.answer().body, b"hello")

    def test_revoked_one_is_refused_at_the_next_request(self) -> None:
        self.connection.send(GET)
        self.knows.revoked = True
        self.connection.send(GET)
        first, second = self.connection.answers("GET", "GET")
        self.assertEqual((first.status, second.said), (200, (403, "DENIED")))

    def test_its_connection_ends(self) -> None:
        self.knows.revoked = True
        self.connection.send(GET + GET)
        self.assertEqual(self.connection.answer().header("connection"), "close")
        self.assertTrue(self.connection.ended)

    def test_it_ends_without_waiting_for_a_body(self) -> None:
        self.knows.revoked = True
        self.connection.send(PUT)
        self.assertEqual(self.connection.answer("PUT").status, 403)
        self.assertTrue(self.connection.ended)

    def test_version_1_is_refused_in_its_own_words(self) -> None:
        self.knows.revoked = True
        self.connection.send(GET.replace(b"/v2/", b"/v1/_ping"))
        answer = self.connection.answer()
        self.assertEqual(answer.status, 403)
        self.assertIn(b'"error":', answer.body)
        self.assertNotIn(b'"errors":', answer.body)
