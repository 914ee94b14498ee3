"""Tests of ``txregistry/listening.py``."""

from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from twisted.internet.protocol import Factory
from twisted.internet.testing import MemoryReactor
from twisted.trial.unittest import SynchronousTestCase

from tests.temporary import make_file
from txregistry.listening import make_endpoints
from txregistry.settings import Http, Listener, SettingsError, Tls


class ListeningTestCase(SynchronousTestCase):
    def setUp(self) -> None:
        self.reactor = MemoryReactor()

    def listen(self, http: Http) -> None:
        for endpoint, _apis in make_endpoints(self.reactor, http):
            _ = endpoint.listen(Factory())

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
        key = ec.generate_private_key(ec.SECP256R1())
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
        serial = x509.random_serial_number()
        valid = x509.CertificateBuilder(name, name, key.public_key(), serial)
        since, until = (
            datetime(2020, 1, 1, tzinfo=UTC),
            datetime(2120, 1, 1, tzinfo=UTC),
        )
        valid = valid.not_valid_before(since).not_valid_after(until)
        signed = valid.sign(key, hashes.SHA256())
        self.certificate = self.write(
            "certificate.pem", signed.public_bytes(serialization.Encoding.PEM)
        )
        self.key = self.write(
            "key.pem",
            key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            ),
        )
        self.junk = self.write("junk.pem", b"junk")

    def write(self, name: str, data: bytes) -> str:
        return make_file(self, name, data)

    def test_address_is_listened_at_with_tls(self) -> None:
        self.listen(Http(addr=":5001", tls=Tls(self.certificate, self.key)))
        self.assertEqual([server[0] for server in self.reactor.sslServers], [5001])

    def test_nothing_is_listened_at_without(self) -> None:
        self.listen(Http(addr=":5001", tls=Tls(self.certificate, self.key)))
        self.assertEqual(self.places(), [])

    def test_clients_certificates_are_read(self) -> None:
        tls = Tls(self.certificate, self.key, clientcas=(self.certificate,))
        self.listen(Http(addr=":5001", tls=tls))
        self.assertEqual(len(self.reactor.sslServers), 1)

    def test_certificate_without_an_address_is_refused(self) -> None:
        self.refuse(Http(tls=Tls(self.certificate, self.key)), "http.tls", "http.addr")

    def test_absent_certificate_is_refused(self) -> None:
        tls = Tls("/nowhere.pem", self.key)
        self.refuse(Http(addr=":1", tls=tls), "http.tls.certificate: '/nowhere.pem'")

    def test_absent_key_is_refused(self) -> None:
        tls = Tls(self.certificate, "/nowhere.pem")
        self.refuse(Http(addr=":1", tls=tls), "http.tls.key: '/nowhere.pem'")

    def test_file_without_a_certificate_is_refused(self) -> None:
        tls = Tls(self.junk, self.key)
        self.refuse(Http(addr=":1", tls=tls), "http.tls.certificate", self.junk)

    def test_file_without_a_key_is_refused(self) -> None:
        tls = Tls(self.certificate, self.junk)
        self.refuse(Http(addr=":1", tls=tls), "http.tls.key", self.junk)

    def test_file_without_clients_certificates_is_refused(self) -> None:
        tls = Tls(self.certificate, self.key, clientcas=(self.junk,))
        self.refuse(Http(addr=":1", tls=tls), "http.tls.clientcas", self.junk)
