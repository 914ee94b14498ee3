"""Tests of ``txregistry/assembly/listening.py``."""

from typing import Any

from OpenSSL import SSL
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IAddress, IProtocol
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.internet.testing import MemoryReactor, StringTransport
from twisted.logger import eventAsText
from twisted.trial.unittest import SynchronousTestCase

from tests.authorities import Files, issue
from tests.temporary import make_folder
from tests.web.exchange import logged
from txregistry.assembly.listening import make_endpoints
from txregistry.settings.section import SettingsError
from txregistry.settings.sections import Http, Listener, Tls
from txregistry.tasks import at_once
from txregistry.tls.server import ServerTls
from txregistry.tls.transport import TlsTransport


class Greeter(Protocol):
    """Say who is at the other end, whatever they say."""

    def dataReceived(self, data: bytes) -> None:
        """See ``IProtocol``."""
        transport: Any = self.transport
        transport.write(f"{transport.getPeer().host} {data.decode()}".encode())


class ListeningTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = MemoryReactor()

    def listen(self, http: Http, tls: ServerTls | None = None) -> None:
        for endpoint, _apis in make_endpoints(self.reactor, http, tls):
            _ = endpoint.listen(Factory.forProtocol(Greeter))

    def refuse(self, http: Http, *told: str) -> None:
        with self.assertRaises(SettingsError) as raised:
            make_endpoints(self.reactor, http)
        for each in told:
            self.assertIn(each, str(raised.exception))

    def places(self) -> list[tuple[str, int]]:
        """Tell where TCP is listened at."""
        return [(server[3], server[0]) for server in self.reactor.tcpServers]


class AddressTests(ListeningTestCase):
    def check(self, http: Http, *places: tuple[str, int]) -> None:
        self.listen(http)
        self.assertEqual(self.places(), list(places))

    def test_nothing_said_is_loopback_only(self) -> None:
        self.check(Http(), ("127.0.0.1", 5000))

    def test_address_without_a_host_is_every_interface(self) -> None:
        self.check(Http(addr=":5001"), ("", 5001))

    def test_address_with_a_host_is_that_one(self) -> None:
        self.check(Http(addr="10.0.0.1:5001"), ("10.0.0.1", 5001))

    def test_localhost_is_loopback(self) -> None:
        self.check(Http(addr="localhost:5001"), ("127.0.0.1", 5001))

    def test_address_may_be_of_ipv6(self) -> None:
        self.check(Http(addr="[::1]:5001"), ("::1", 5001))

    def test_endpoints_are_twisteds(self) -> None:
        self.check(Http(listen=("tcp:5001", "tcp:5002")), ("", 5001), ("", 5002))

    def test_endpoints_go_with_an_address(self) -> None:
        self.check(Http(listen=("tcp:5001",), addr=":5002"), ("", 5001), ("", 5002))

    def test_queue_is_long(self) -> None:
        self.listen(Http(listen=("tcp:5001",), addr=":5002"))
        backlogs = [server[2] for server in self.reactor.tcpServers]
        self.assertEqual(backlogs, [1024, 1024])

    def test_queue_is_as_long_as_one_says(self) -> None:
        self.listen(Http(listen=("tcp:5001:backlog=7",)))
        self.assertEqual(self.reactor.tcpServers[0][2], 7)

    def test_unknown_endpoint_is_refused(self) -> None:
        self.refuse(Http(listen=("carrier:pigeon",)), "http.listen: 'carrier:pigeon'")

    def test_malformed_endpoint_is_refused(self) -> None:
        self.refuse(Http(listen=("tcp:port",)), "http.listen: 'tcp:port'")

    def test_socket_of_systemd_may_be_missing_until_the_start(self) -> None:
        for text in ("systemd:domain=INET:index=0", "systemd:domain=INET:name=a"):
            ((endpoint, _),) = make_endpoints(self.reactor, Http(listen=(text,)))
            listening = endpoint.listen(Factory.forProtocol(Greeter))
            error = self.failureResultOf(listening, CannotListenError).value
            self.assertIn("systemd has not handed over", str(error))
            self.assertIn(text, str(error))

    def test_malformed_socket_of_systemd_is_refused(self) -> None:
        for text in ("systemd:domain=INET", "systemd:domain=INET:index=x"):
            self.refuse(Http(listen=(text,)), f"http.listen: {text!r}")

    def test_malformed_address_is_refused(self) -> None:
        for address in ("5000", "here", "a:b:5", ":99999", "[::1]", ":"):
            self.refuse(Http(addr=address), "http.addr", address)


class ApisTests(ListeningTestCase):
    def apis(self, http: Http) -> list[tuple[str, ...]]:
        return [apis for _, apis in make_endpoints(self.reactor, http)]

    def test_all_speak_what_is_said_for_all(self) -> None:
        http = Http(addr=":1", listen=("tcp:2",), apis=("v2",))
        self.assertEqual(self.apis(http), [("v2",), ("v2",)])

    def test_the_usual_one_does_too(self) -> None:
        self.assertEqual(self.apis(Http(apis=("v1",))), [("v1",)])

    def test_listener_speaks_its_own(self) -> None:
        http = Http(listen=(Listener("tcp:1", ("v1",)), "tcp:2"))
        self.assertEqual(self.apis(http), [("v1",), ("v1", "v2")])

    def test_listener_is_an_endpoint_like_others(self) -> None:
        self.refuse(Http(listen=(Listener("nowhere", ("v1",)),)), "'nowhere'")


class TlsTests(ListeningTestCase):
    def setUp(self) -> None:
        super().setUp()
        files, server = Files(make_folder(self)), issue("localhost")
        self.settings = Tls(
            files.put("server.pem", server.pem), files.put("server.key", server.key_pem)
        )
        self.tls = ServerTls(self.settings, Clock(), at_once)

    def speaks_tls(self, http: Http) -> list[bool]:
        """Tell of each place whether TLS is spoken there."""
        self.listen(http, self.tls)
        peer = IPv4Address("TCP", "10.0.0.1", 1)
        built = [server[1].buildProtocol(peer) for server in self.reactor.tcpServers]
        return [isinstance(each, TlsTransport) for each in built]

    def test_address_is_listened_at_with_tls(self) -> None:
        self.assertEqual(self.speaks_tls(Http(addr=":1", tls=self.settings)), [True])

    def test_entries_speak_it_where_they_say_so(self) -> None:
        listen = ("tcp:1", Listener("tcp:2", ("v2",), tls=True))
        http = Http(listen=listen, tls=self.settings)
        self.assertEqual(self.speaks_tls(http), [False, True])

    def test_entries_speak_it_beside_the_address(self) -> None:
        listen = (Listener("tcp:1", ("v2",)), Listener("tcp:2", ("v1",), tls=True))
        http = Http(addr=":3", listen=listen, tls=self.settings)
        self.assertEqual(self.speaks_tls(http), [False, True, True])

    def test_certificate_that_is_used_nowhere_is_refused(self) -> None:
        with self.assertRaises(SettingsError) as raised:
            make_endpoints(self.reactor, Http(listen=("tcp:1",)), self.tls)
        self.assertIn("http.tls", str(raised.exception))

    def test_entry_without_a_certificate_is_refused(self) -> None:
        http = Http(listen=(Listener("tcp:2", ("v2",), tls=True),))
        self.refuse(http, "http.listen: 'tcp:2'", "http.tls.certificate")

    def test_nobody_listens_plainly_by_mistake(self) -> None:
        with self.assertRaises(ValueError):
            make_endpoints(self.reactor, Http(addr=":1", tls=self.settings))


class ProxyTests(ListeningTestCase):
    def proxied(self, *proxies: str) -> None:
        """Listen for proxies in some networks."""
        self.listen(Http(listen=("haproxy:tcp:1",), proxies=proxies))

    def connect(self, peer: IAddress) -> IProtocol | None:
        built: IProtocol | None = self.reactor.tcpServers[0][1].buildProtocol(peer)
        return built

    def say(self, data: bytes) -> StringTransport:
        """Send something as a proxy."""
        built = self.connect(IPv4Address("TCP", "10.0.0.1", 1))
        assert built is not None
        transport = StringTransport()
        built.makeConnection(transport)
        built.dataReceived(data)
        return transport

    def test_what_a_proxy_says_of_the_client_is_taken(self) -> None:
        self.proxied("10.0.0.0/8")
        transport = self.say(b"PROXY TCP4 192.0.2.7 10.0.0.2 99 1\r\nhello")
        self.assertEqual(transport.value(), b"192.0.2.7 hello")

    def test_proxy_that_says_nothing_is_hung_up_on(self) -> None:
        self.proxied("10.0.0.0/8")
        transport = self.say(b"GET / HTTP/1.1\r\n\r\n")
        self.assertTrue(transport.disconnecting)
        self.assertEqual(transport.value(), b"")

    def test_entry_may_say_it_in_words(self) -> None:
        listener = Listener("tcp:1", ("v2",), proxyprotocol=True)
        http = Http(listen=(listener,), proxies=("10.0.0.1",))
        self.listen(http)
        transport = self.say(b"PROXY TCP4 192.0.2.7 10.0.0.2 99 1\r\nhello")
        self.assertEqual(transport.value(), b"192.0.2.7 hello")

    def test_others_are_dropped(self) -> None:
        self.proxied("10.0.0.0/8", "fd00::/8")
        for peer in (
            IPv4Address("TCP", "192.0.2.7", 1),
            IPv6Address("TCP", "2001:db8::1", 1),
            IPv6Address("TCP", "::ffff:192.0.2.7", 1),
        ):
            self.assertIsNone(self.connect(peer), peer)

    def test_dropped_ones_are_logged(self) -> None:
        self.proxied("10.0.0.0/8")
        with logged() as events:
            self.connect(IPv4Address("TCP", "192.0.2.7", 1))
        self.assertIn("192.0.2.7", str(eventAsText(events[0])))

    def test_proxies_are_let_in(self) -> None:
        self.proxied("10.0.0.0/8", "fd00::/8")
        for peer in (
            IPv4Address("TCP", "10.9.9.9", 1),
            IPv6Address("TCP", "fd00::1", 1),
            IPv6Address("TCP", "::ffff:10.0.0.1", 1),
        ):
            self.assertIsNotNone(self.connect(peer), peer)

    def test_whoever_may_open_a_unix_socket_is_let_in(self) -> None:
        http = Http(listen=("haproxy:unix:/run/registry",))
        self.listen(http)
        factory = self.reactor.unixServers[0][1]
        self.assertIsNotNone(factory.buildProtocol(UNIXAddress(None)))

    def test_nobody_being_named_is_refused(self) -> None:
        self.refuse(
            Http(listen=("haproxy:tcp:1",)), "http.listen: 'haproxy:tcp:1'", "proxies"
        )

    def test_malformed_network_is_refused(self) -> None:
        http = Http(listen=("haproxy:tcp:1",), proxies=("here",))
        self.refuse(http, "http.proxies: 'here'")

    def test_tls_begins_after_the_header(self) -> None:
        files, server = Files(make_folder(self)), issue("localhost")
        settings = Tls(
            files.put("server.pem", server.pem), files.put("server.key", server.key_pem)
        )
        listener = Listener("haproxy:tcp:1", ("v2",), tls=True)
        http = Http(listen=(listener,), proxies=("10.0.0.1",), tls=settings)
        self.listen(http, ServerTls(settings, Clock(), at_once))
        client = SSL.Connection(SSL.Context(SSL.TLS_CLIENT_METHOD), None)
        client.set_connect_state()
        with self.assertRaises(SSL.WantReadError):
            client.do_handshake()
        hello = client.bio_read(1 << 16)
        transport = self.say(b"PROXY TCP4 192.0.2.7 10.0.0.2 99 1\r\n" + hello)
        self.assertEqual(transport.value()[:1], b"\x16")  # the server's own hello

    def test_site_is_started_and_stopped(self) -> None:
        site = Counting()
        for endpoint, _apis in make_endpoints(
            self.reactor, Http(listen=("haproxy:tcp:1",), proxies=("10.0.0.1",))
        ):
            _ = endpoint.listen(site)
        factory = self.reactor.tcpServers[0][1]
        factory.doStart()
        factory.doStop()
        self.assertEqual(site.told, ["started", "stopped"])


class Counting(Factory):
    """Remember what is told."""

    noisy = False

    def __init__(self) -> None:
        self.told: list[str] = []

    def startFactory(self) -> None:
        """See ``Factory``."""
        self.told.append("started")

    def stopFactory(self) -> None:
        """See ``Factory``."""
        self.told.append("stopped")


class OwnApisTests(SynchronousTestCase):
    def test_an_entry_speaks_what_it_says_or_what_is_said_for_all(self) -> None:
        for own, expected in ((None, ("v2",)), (("v1",), ("v1",))):
            http = Http(listen=(Listener("tcp:1", own),), apis=("v2",))
            ((_, apis),) = make_endpoints(MemoryReactor(), http)
            self.assertEqual(apis, expected)
