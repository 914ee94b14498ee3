"""Tests of ``txregistry/client/agent.py``."""

from collections.abc import Sequence
from typing import Any, Final

from OpenSSL.crypto import X509
from twisted.internet.defer import Deferred
from twisted.internet.protocol import Factory
from twisted.internet.ssl import (
    Certificate,
    CertificateOptions,
    trustRootFromCertificates,
)
from twisted.protocols import tls
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import HTTPConnectionPool, ResponseFailed
from twisted.web.iweb import IResponse

from tests.client.certificates import Certified, certify
from tests.client.network import Connection, Network, Peer
from txregistry.client.agent import ClientCertificate, make_agent, make_pool

AUTHORITY: Final = certify("authority", authority=True)
STRANGER: Final = certify("stranger", authority=True)
SERVER: Final = certify("index.example", AUTHORITY)
REGISTRY: Final = certify("registry.example", AUTHORITY)
OK: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def serve(
    server: Certified, clients: Certified | None = None, **options: Any
) -> Network:
    """Make a network whose server speaks TLS.

    Args:
        server: Who it says it is.
        clients: Who must have signed the certificates of its clients, if they need one.
        options: Others of Twisted's.
    """
    if clients is not None:
        root = Certificate(X509.from_cryptography(clients.certificate))
        options["trustRoot"] = trustRootFromCertificates([root])
    # Twisted's annotations are of pyOpenSSL's own classes, which that deprecates.
    make: Any = CertificateOptions
    context = make(privateKey=server.key, certificate=server.certificate, **options)

    def wrap(peer: Peer) -> TLSMemoryBIOProtocol:
        factory = TLSMemoryBIOFactory(context, False, Factory())
        return TLSMemoryBIOProtocol(factory, peer)

    return Network(wrap)


class AgentTests(SynchronousTestCase):
    def ask(
        self,
        network: Network,
        trust: Sequence[Certified] | None = (AUTHORITY,),
        client: Certified | None = None,
        pool: HTTPConnectionPool | None = None,
    ) -> tuple[Deferred[IResponse], Connection]:
        """Ask a server for something, and connect to it."""
        shown = None
        if client is not None:
            shown = ClientCertificate([client.certificate], client.key)
        self.patch(tls, "_get_default_clock", lambda: network.reactor)
        agent = make_agent(
            network.reactor,
            trust=None if trust is None else [each.certificate for each in trust],
            client_certificate=shown,
            connect_timeout=5,
            pool=pool,
        )
        asked = agent.request(b"GET", b"https://index.example/")
        connection = network.accept()
        connection.flush()
        return asked, connection

    def assert_answered(self, asked: Deferred[IResponse], peer: Connection) -> None:
        """Expect a server to be asked, and to be listened to."""
        self.assertIn(b"GET / HTTP/1.1\r\n", peer.peer.received)
        peer.send(OK)
        self.assertEqual(self.successResultOf(asked).code, 200)

    def assert_refused(self, asked: Deferred[IResponse], peer: Connection) -> None:
        """Expect a server to be asked nothing."""
        peer.flush()
        self.failureResultOf(asked, ResponseFailed)
        self.assertEqual(peer.peer.received, b"")

    def test_server_that_is_who_it_should_be_is_asked(self) -> None:
        self.assert_answered(*self.ask(serve(SERVER)))

    def test_server_of_another_name_is_refused(self) -> None:
        other = certify("other.example", AUTHORITY)
        self.assert_refused(*self.ask(serve(other)))

    def test_server_of_another_authority_is_refused(self) -> None:
        self.assert_refused(*self.ask(serve(certify("index.example", STRANGER))))

    def test_server_that_vouches_for_itself_is_refused(self) -> None:
        self.assert_refused(*self.ask(serve(certify("index.example"))))

    def test_one_of_several_authorities_is_enough(self) -> None:
        self.assert_answered(*self.ask(serve(SERVER), [STRANGER, AUTHORITY]))

    def test_without_authorities_nobody_is_trusted(self) -> None:
        self.assert_refused(*self.ask(serve(SERVER), []))

    def test_platform_does_not_know_our_authority(self) -> None:
        self.assert_refused(*self.ask(serve(SERVER), None))

    def test_certificate_is_shown_to_who_asks(self) -> None:
        self.assert_answered(*self.ask(serve(SERVER, AUTHORITY), client=REGISTRY))

    def test_nothing_is_shown_where_there_is_none(self) -> None:
        asked, connection = self.ask(serve(SERVER, AUTHORITY))
        connection.flush()
        self.failureResultOf(asked)
        self.assertEqual(connection.peer.received, b"")

    def test_certificate_is_no_harm_where_nobody_asks(self) -> None:
        self.assert_answered(*self.ask(serve(SERVER), client=REGISTRY))

    def test_connection_has_its_time_to_come_about(self) -> None:
        network = Network()
        agent = make_agent(
            network.reactor, trust=None, client_certificate=None, connect_timeout=5
        )
        asked = agent.request(b"GET", b"http://index.example/")
        self.assertEqual(network.reactor.tcpClients[0][3], 5)
        asked.cancel()
        self.failureResultOf(asked)

    def test_connection_is_kept_in_the_pool(self) -> None:
        network = serve(SERVER)
        pool = make_pool(network.reactor)
        asked, connection = self.ask(network, pool=pool)
        self.assert_answered(asked, connection)
        self.assertFalse(connection.peer.lost)
        closed = pool.closeCachedConnections()
        connection.flush()
        self.successResultOf(closed)
        self.assertTrue(connection.peer.lost)

    def test_connection_that_nobody_needs_is_closed(self) -> None:
        network = serve(SERVER)
        asked, connection = self.ask(network)
        self.assert_answered(asked, connection)
        network.reactor.advance(31)
        connection.flush()
        self.assertTrue(connection.peer.lost)
