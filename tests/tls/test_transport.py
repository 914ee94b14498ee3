"""Tests of ``txregistry/tls/transport.py``: bytes through it, in memory.

Who is let in is tested with sockets, in ``tests/integration/test_tls_*.py``.
"""

from typing import Any

from OpenSSL import SSL
from twisted.internet.interfaces import IProtocolFactory
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.logger import eventAsText
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyObject

from tests.authorities import Files, issue
from tests.temporary import make_folder
from tests.web.exchange import Exchange, logged, request_bytes
from tests.web.wire import Pipe
from txregistry.model.errors import Denied
from txregistry.settings.sections import Tls
from txregistry.tasks import at_once
from txregistry.tls.server import ServerTls
from txregistry.web.certificates import ICertifiedTransport
from txregistry.web.connections import Connections
from txregistry.web.proxies import Proxies

ROOT = issue("root", authority=True)
SERVER, CLIENT = ROOT.issue("server"), ROOT.issue("client")
LARGE = bytes(range(256)) * 4096


class Speaker(Protocol):
    """Say something at once, and remember what is said."""

    def __init__(self, greeting: bytes) -> None:
        self._greeting = greeting
        self.heard = b""
        self.pieces = 0
        self.lost = False

    def connectionMade(self) -> None:
        """See ``IProtocol``."""
        self.say(self._greeting)

    def say(self, data: bytes) -> None:
        """Say something."""
        transport: Any = self.transport
        transport.write(data)

    def dataReceived(self, data: bytes) -> None:
        """See ``IProtocol``."""
        self.heard += data
        self.pieces += 1

    def connectionLost(self, reason: object = None) -> None:
        """See ``IProtocol``."""
        del reason
        self.lost = True


class TransportCase(SynchronousTestCase):
    def connect(self, greeting: bytes = b"") -> None:
        """Connect a client to a server; neither says anything yet."""
        self.speaker = Speaker(greeting)
        self.connect_to(Factory.forProtocol(lambda: self.speaker), Clock())

    def connect_to(self, factory: IProtocolFactory, clock: Clock) -> None:
        """Connect a client to the server of a factory."""
        files = Files(make_folder(self))
        tls = Tls(
            files.put("server.pem", SERVER.pem),
            files.put("server.key", SERVER.key_pem),
            clientcas=(files.put("ca.pem", ROOT.pem),),
        )
        wrapped = ServerTls(tls, clock, at_once).wrap(factory)
        self.pipe = Pipe()
        built: Any = wrapped.buildProtocol(self.pipe.getPeer())
        # What buildProtocol took from the reactor goes by the clock.
        built.wrappedProtocol.callLater = clock.callLater
        self.transport = built
        self.client = SSL.Connection(self.context(), None)
        self.client.set_connect_state()
        self.transport.makeConnection(self.pipe)

    def context(self) -> SSL.Context:
        context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        context.use_certificate(CLIENT.certificate)
        key: Any = CLIENT.key
        context.use_privatekey(key)
        return context

    def shake_hands(self) -> None:
        for _ in range(3):
            try:
                self.client.do_handshake()
            except SSL.WantReadError:
                self.exchange()
        self.exchange()

    def exchange(self) -> None:
        """Carry over what each side has for the other."""
        try:
            while True:
                self.transport.dataReceived(self.client.bio_read(1 << 16))
        except SSL.WantReadError:
            data = self.pipe.value()
            self.pipe.clear()
            for place in range(0, len(data), 1 << 14):
                self.client.bio_write(data[place : place + (1 << 14)])

    def hear(self) -> bytes:
        """Give what the client has heard."""
        self.exchange()
        found = b""
        try:
            while True:
                found += self.client.recv(1 << 20)
        except SSL.WantReadError:
            return found


class BytesTests(TransportCase):
    def test_what_is_said_before_the_handshake_comes_after_it(self) -> None:
        self.connect(LARGE)
        self.shake_hands()
        self.assertTrue(self.hear() == LARGE)

    def test_large_piece_comes_whole(self) -> None:
        self.connect()
        self.shake_hands()
        self.speaker.say(LARGE)
        self.assertTrue(self.hear() == LARGE)

    def test_large_piece_is_few_for_the_connection_below(self) -> None:
        self.connect()
        self.shake_hands()
        written: list[int] = []
        self.transport.transport = self.pipe
        write = self.pipe.write

        def count(data: bytes) -> None:
            written.append(len(data))
            write(data)

        self.patch(self.pipe, "write", count)
        self.speaker.say(LARGE)
        self.assertEqual(len(written), 4)
        self.assertTrue(self.hear() == LARGE)

    def test_pieces_come_in_order(self) -> None:
        self.connect(b"one ")
        self.speaker.say(b"two ")
        self.shake_hands()
        self.speaker.say(b"three")
        self.assertEqual(self.hear(), b"one two three")

    def test_nothing_is_nothing(self) -> None:
        self.connect()
        self.shake_hands()
        self.hear()
        self.speaker.say(b"")
        self.assertEqual(self.pipe.value(), b"")

    def test_what_cannot_be_sent_ends_the_connection(self) -> None:
        self.connect()
        self.shake_hands()
        self.transport.getHandle().shutdown()
        self.speaker.say(b"too late")
        self.assertTrue(self.pipe.disconnecting)

    def test_what_the_client_says_is_heard(self) -> None:
        self.connect()
        self.shake_hands()
        self.client.send(b"hello")
        self.exchange()
        self.assertEqual(self.speaker.heard, b"hello")

    def test_what_came_together_is_heard_together(self) -> None:
        self.connect()
        self.shake_hands()
        self.client.sendall(LARGE[:50_000])
        self.exchange()
        self.assertTrue(self.speaker.heard == LARGE[:50_000])
        self.assertEqual(self.speaker.pieces, 1)

    def test_last_words_are_heard(self) -> None:
        self.connect()
        self.shake_hands()
        self.client.send(b"that is all")
        self.client.shutdown()
        self.exchange()
        self.assertEqual(self.speaker.heard, b"that is all")
        self.assertTrue(self.pipe.disconnecting)

    def test_what_was_tampered_with_ends_the_connection(self) -> None:
        self.connect()
        self.shake_hands()
        self.client.send(b"hello")
        record = self.client.bio_read(1 << 16)
        self.transport.dataReceived(record[:-1] + bytes([record[-1] ^ 1]))
        self.assertEqual(self.speaker.heard, b"")
        self.assertTrue(self.pipe.disconnecting)

    def test_nothing_is_heard_after_an_end(self) -> None:
        self.connect()
        self.shake_hands()
        self.transport.abortConnection()
        self.client.send(b"hello")
        self.exchange()
        self.assertEqual(self.speaker.heard, b"")


class ClientTests(TransportCase):
    def test_interface(self) -> None:
        self.connect()
        self.assertTrue(verifyObject(ICertifiedTransport, self.transport))

    def test_certificate_is_known(self) -> None:
        self.connect()
        self.shake_hands()
        found = self.transport.client_certificate()
        self.assertEqual(found, CLIENT.certificate)

    def test_nobody_is_known_when_the_connection_has_ended(self) -> None:
        self.connect()
        self.shake_hands()
        self.transport.connectionLost(None)
        with self.assertRaises(Denied):
            self.transport.client_certificate()

    def test_refusal_is_logged_with_the_reason(self) -> None:
        self.connect()
        with logged() as events:
            self.transport.dataReceived(b"GET / HTTP/1.1\r\n\r\n")
        told = [str(eventAsText(each)) for each in events]
        self.assertEqual(len(told), 1)
        self.assertIn("was not let in by TLS: http request", told[0])


class SiteTests(TransportCase):
    """A site, of which a client wants nothing in particular."""

    def serve(self, **site: Any) -> None:
        """Connect to a site."""
        self.clock = Clock()
        factory = Exchange(clock=self.clock, site=site).site
        self.connect_to(factory, self.clock)

    def pass_time(self, seconds: int) -> None:
        """Let time pass, second by second."""
        for _ in range(seconds):
            self.clock.advance(1)

    def test_handshake_has_to_begin_and_to_end(self) -> None:
        for begins in (False, True):
            self.serve()
            if begins:
                with self.assertRaises(SSL.WantReadError):
                    self.client.do_handshake()
                self.exchange()
            self.pass_time(14)
            self.assertFalse(self.pipe.aborted)
            self.pass_time(1)
            self.assertTrue(self.pipe.aborted, begins)

    def test_handshake_that_drips_has_to_end(self) -> None:
        self.serve()
        with self.assertRaises(SSL.WantReadError):
            self.client.do_handshake()
        for byte in self.client.bio_read(1 << 16)[:14]:
            self.transport.dataReceived(bytes([byte]))
            self.pass_time(1)
        self.assertFalse(self.pipe.aborted)
        self.pass_time(1)
        self.assertTrue(self.pipe.aborted)

    def test_first_request_has_to_begin(self) -> None:
        self.serve()
        self.shake_hands()
        self.pass_time(14)
        self.assertFalse(self.pipe.disconnecting)
        self.pass_time(1)
        self.assertTrue(self.transport.disconnecting)

    def test_later_ones_have_more_time(self) -> None:
        self.serve()
        self.shake_hands()
        self.client.send(request_bytes("GET", "/v2/"))
        self.exchange()
        self.pass_time(59)
        self.assertFalse(self.transport.disconnecting)
        self.pass_time(1)
        self.assertTrue(self.transport.disconnecting)

    def test_one_too_many_is_broken_off(self) -> None:
        connections = Connections(0, Clock(), Proxies())
        clock = Clock()
        site = Exchange(clock=clock, site={"connections": connections}).site
        self.connect_to(site, clock)
        self.assertTrue(self.pipe.aborted)
        self.transport.dataReceived(b"hello")
        self.transport.connectionLost(None)
        self.assertEqual(site.channels, set())
