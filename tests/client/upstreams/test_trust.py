"""Tests of ``txregistry/client/upstreams/trust.py``, by TLS in memory."""

from collections.abc import Callable
from typing import Any, Final

from OpenSSL.crypto import X509
from twisted.internet import ssl
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory
from twisted.internet.ssl import CertificateOptions
from twisted.protocols import tls
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from twisted.trial.unittest import SynchronousTestCase

from tests.client.certificates import Certified, certify
from tests.client.network import Connection, Peer
from tests.client.upstreams.case import ALPINE, BLOB, DIGEST
from tests.client.upstreams.naming import NamedNetwork
from txregistry.client.agent import ClientCertificate
from txregistry.client.upstreams.interfaces import Opened, UpstreamUnavailable
from txregistry.client.upstreams.limits import Patience
from txregistry.client.upstreams.making import make_upstream
from txregistry.client.upstreams.terms import Terms
from txregistry.client.upstreams.trust import Trust
from txregistry.tasks import at_once

AUTHORITY: Final = certify("authority", authority=True)
STRANGER: Final = certify("stranger", authority=True)
HOME: Final = certify("registry.example", AUTHORITY)
CDN: Final = certify("cdn.example", AUTHORITY)
AUTH: Final = certify("auth.example", AUTHORITY)
US: Final = certify("us", AUTHORITY)
GOOD: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: 100\r\n\r\n" + BLOB
)
ELSEWHERE: Final = (
    b"HTTP/1.1 307 x\r\nLocation: https://cdn.example/\r\nContent-Length: 0\r\n\r\n"
)
TOKENS: Final = (
    b'HTTP/1.1 401 x\r\nWWW-Authenticate: Bearer realm="https://auth.example/"\r\n'
    b"Content-Length: 0\r\n\r\n"
)
SERVERS: Final = {b"registry.example": HOME, b"cdn.example": CDN, b"auth.example": AUTH}


class TrustCase(SynchronousTestCase):
    """Ask an upstream by TLS."""

    def ask(
        self,
        servers: "dict[bytes, Certified]",
        clients: Certified | None = None,
        certificate: Certified | None = None,
        authority: Certified | None = AUTHORITY,
    ) -> "Deferred[Opened | None]":
        """Ask for a blob.

        Args:
            servers: Who servers say they are, in the order in which they are asked.
            clients: Who must have signed the certificates of clients, if it is asked.
            certificate: What we show.
            authority: Whom we trust.
        """
        self.seen: list[str | None] = []
        names = {name.decode(): ["8.8.8.8"] for name in servers}
        queue = iter(servers.values())
        self.network = NamedNetwork(
            names, lambda peer: self.wrap(peer, next(queue), clients)
        )
        self.patch(tls, "_get_default_clock", lambda: self.network.reactor)
        shown = None
        if certificate is not None:
            shown = ClientCertificate([certificate.certificate], certificate.key)
        self.upstream = make_upstream(
            self.network.reactor,
            at_once,
            Terms(
                "x",
                "https://registry.example",
                patience=Patience(attempts=1),
                authorities=None if authority is None else [authority.certificate],
                client_certificate=shown,
            ),
        )
        return Deferred.fromCoroutine(self.upstream.open_blob(ALPINE, DIGEST))

    def wrap(
        self, peer: Peer, server: Certified, clients: Certified | None
    ) -> TLSMemoryBIOProtocol:
        """Speak TLS as a server, and note whom it sees."""
        options: dict[str, Any] = {}
        if clients is not None:
            known = [X509.from_cryptography(clients.certificate)]
            options = {"caCerts": known, "verify": True, "requireCertificate": False}
        # Twisted's annotations are of pyOpenSSL's own classes, which that deprecates.
        make: Any = CertificateOptions
        context = make(privateKey=server.key, certificate=server.certificate, **options)
        return TLSMemoryBIOProtocol(
            TLSMemoryBIOFactory(context, False, Factory()), peer
        )

    def accept(self) -> Connection:
        """Let a connection come about, and see what is shown."""
        connection = self.network.accept()
        connection.flush()
        transport: Any = connection.peer.transport
        shown = transport.getPeerCertificate() if not connection.peer.lost else None
        name = shown and shown.to_cryptography().subject.rfc4514_string()
        self.seen.append(name)
        return connection


class ServerTests(TrustCase):
    def refused(
        self, server: Certified, authority: Certified | None = AUTHORITY
    ) -> None:
        """Expect that nothing is asked of a server."""
        asked = self.ask({b"registry.example": server}, authority=authority)
        connection = self.accept()
        connection.flush()
        fault = self.failureResultOf(asked, UpstreamUnavailable).value
        self.assertIn("does not prove who it is", fault.reason)
        self.assertEqual(connection.peer.received, b"")

    def test_upstream_that_is_who_it_should_be(self) -> None:
        asked = self.ask({b"registry.example": HOME})
        self.accept().send(GOOD)
        self.assertIsNotNone(self.successResultOf(asked))

    def test_upstream_that_is_not(self) -> None:
        self.refused(CDN)
        self.refused(certify("registry.example", STRANGER))
        self.refused(certify("registry.example"))
        self.refused(HOME, authority=None)

    def test_who_we_are_sent_to_is_verified_too(self) -> None:
        for server in (HOME, certify("cdn.example", STRANGER)):
            asked = self.ask({b"registry.example": HOME, b"cdn.example": server})
            self.accept().send(ELSEWHERE)
            connection = self.accept()
            connection.flush()
            self.failureResultOf(asked, UpstreamUnavailable)
            self.assertEqual(connection.peer.received, b"")

    def test_our_own_authorities_vouch_for_them(self) -> None:
        asked = self.ask({b"registry.example": HOME, b"cdn.example": CDN})
        self.accept().send(ELSEWHERE)
        self.accept().send(GOOD)
        self.assertIsNotNone(self.successResultOf(asked))


class PlatformTests(TrustCase):
    def platform(self) -> None:
        """Have the platform trust a stranger."""

        def trusts(context: Any) -> None:
            store = context.get_cert_store()
            store.add_cert(X509.from_cryptography(STRANGER.certificate))

        defaults: Callable[[Any, Any], None] = lambda _, context: trusts(context)  # noqa: E731 - a method
        self.patch(ssl.OpenSSLDefaultPaths, "_addCACertsToContext", defaults)

    def test_those_of_the_platform_vouch_for_who_we_are_sent_to(self) -> None:
        self.platform()
        for signer in (STRANGER, AUTHORITY):
            server = certify("cdn.example", signer)
            asked = self.ask({b"registry.example": HOME, b"cdn.example": server})
            self.accept().send(ELSEWHERE)
            self.accept().send(GOOD)
            self.assertIsNotNone(self.successResultOf(asked))

    def test_but_not_for_the_upstream_where_we_have_our_own(self) -> None:
        self.platform()
        asked = self.ask({b"registry.example": certify("registry.example", STRANGER)})
        self.accept().flush()
        self.failureResultOf(asked, UpstreamUnavailable)

    def test_they_do_where_we_have_none(self) -> None:
        self.platform()
        server = certify("registry.example", STRANGER)
        asked = self.ask({b"registry.example": server}, authority=None)
        self.accept().send(GOOD)
        self.assertIsNotNone(self.successResultOf(asked))


class ClientTests(TrustCase):
    def test_upstream_sees_who_we_are(self) -> None:
        asked = self.ask({b"registry.example": HOME}, AUTHORITY, US)
        self.accept().send(GOOD)
        self.successResultOf(asked)
        self.assertEqual(self.seen, ["CN=us"])

    def test_who_we_are_sent_to_does_not(self) -> None:
        servers = {b"registry.example": HOME, b"cdn.example": CDN}
        asked = self.ask(servers, AUTHORITY, US)
        self.accept().send(ELSEWHERE)
        self.accept().send(GOOD)
        self.successResultOf(asked)
        self.assertEqual(self.seen, ["CN=us", None])

    def test_who_gives_tokens_does(self) -> None:
        servers = {b"registry.example": HOME, b"auth.example": AUTH}
        asked = self.ask(servers, AUTHORITY, US)
        home = self.accept()
        home.send(TOKENS)
        body = b'{"token": "t1"}'
        self.accept().send(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
        )
        home.flush()
        self.assertIn(b"Bearer t1", home.peer.received)
        home.send(GOOD)
        self.successResultOf(asked)
        self.assertEqual(self.seen, ["CN=us", "CN=us"])


class KeptTests(SynchronousTestCase):
    def test_settings_are_kept(self) -> None:
        kept = Trust("a", None, None)
        creator = kept.creatorForNetloc(b"b", 443)
        self.assertIs(kept.creatorForNetloc(b"b", 444), creator)

    def test_what_is_prepared_is_kept(self) -> None:
        kept = Trust("a", None, None)
        self.successResultOf(Deferred.fromCoroutine(kept.prepare("b", at_once)))
        self.assertEqual(list(kept._kept), [("b", False)])
        prepared = kept._kept["b", False]
        self.successResultOf(Deferred.fromCoroutine(kept.prepare("b", at_once)))
        self.assertIs(kept.creatorForNetloc(b"b", 443), prepared)

    def test_friend_has_others(self) -> None:
        kept = Trust("a", None, None)
        creator = kept.creatorForNetloc(b"b", 443)
        kept.befriend("b")
        self.assertIsNot(kept.creatorForNetloc(b"b", 443), creator)

    def test_not_for_too_many(self) -> None:
        kept = Trust("a", [], None)
        for number in range(100):
            kept.creatorForNetloc(b"%d.example" % number, 443)
        self.assertEqual(len(kept._kept), 32)
