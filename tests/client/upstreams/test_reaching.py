"""Tests of ``txregistry/client/upstreams/reaching.py`` and ``tunnels.py``."""

import base64
from collections.abc import Sequence
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from tests.client.network import Connection
from tests.client.upstreams.case import ALPINE, BLOB, DIGEST
from tests.client.upstreams.naming import NamedNetwork
from txregistry.client.upstreams.interfaces import (
    Opened,
    UpstreamFault,
    UpstreamUnavailable,
    UpstreamWrong,
)
from txregistry.client.upstreams.limits import Patience
from txregistry.client.upstreams.logins import Login, ToldLogin
from txregistry.client.upstreams.making import make_upstream
from txregistry.client.upstreams.proxies import Proxy
from txregistry.client.upstreams.terms import Terms
from txregistry.tasks import at_once

PUBLIC: Final = "8.8.8.8"
GOOD: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: 100\r\n\r\n" + BLOB
)
NAMES: Final = {"registry.example": [PUBLIC], "cdn.example": ["9.9.9.9"]}


def send_to(url: str) -> bytes:
    """Write a redirect."""
    return f"HTTP/1.1 307 x\r\nLocation: {url}\r\nContent-Length: 0\r\n\r\n".encode()


class ReachCase(SynchronousTestCase):
    """Ask an upstream for a blob, over a network in memory."""

    def ask(
        self, url: str = "http://registry.example", **others: Any
    ) -> "Deferred[Opened | None]":
        """Ask for a blob."""
        self.upstream = make_upstream(
            self.network.reactor,
            at_once,
            Terms(
                "x",
                url,
                patience=Patience(attempts=1),
                chance=lambda: 1.0,
                **others,
            ),
        )
        return self.again()

    def again(self) -> "Deferred[Opened | None]":
        """Ask for it once more."""
        return Deferred.fromCoroutine(self.upstream.open_blob(ALPINE, DIGEST))

    def names(self, **known: Sequence[str]) -> None:
        """Make a network."""
        others = {name.replace("_", "."): found for name, found in known.items()}
        self.network = NamedNetwork({**NAMES, **others})

    def fails(self, kind: type[UpstreamFault], asked: "Deferred[Any]") -> str:
        """Expect a failure, and give why."""
        fault = self.failureResultOf(asked, kind).value
        assert isinstance(fault, UpstreamFault)
        self.assertEqual(self.upstream._blob_slots.taken, 0)
        return fault.reason


class AddressTests(ReachCase):
    def sent(
        self, url: str, at: str = PUBLIC, **others: Any
    ) -> "Deferred[Opened | None]":
        """Ask an upstream at an address, which sends elsewhere."""
        self.network.names.known["registry.example"] = [at]
        asked = self.ask(**others)
        self.assertEqual(self.network.tried, [(at, 80)])
        self.network.accept().send(send_to(url))
        self.network.reactor.advance(1)
        return asked

    def assert_strayed(self, asked: "Deferred[Any]") -> None:
        """Expect that nobody was connected to."""
        self.assertIn("an address where we do not go", self.fails(UpstreamWrong, asked))
        self.assertEqual(self.network.tried, [])

    def setUp(self) -> None:
        self.names()

    def test_public_addresses_are_gone_to(self) -> None:
        asked = self.sent("http://cdn.example/")
        self.assertEqual(self.network.tried, [("9.9.9.9", 80)])
        self.network.accept().send(GOOD)
        self.assertIsNotNone(self.successResultOf(asked))

    def test_others_are_not(self) -> None:
        for host in (
            "127.0.0.1",
            "[::1]",
            "[::ffff:127.0.0.1]",
            "10.0.0.1",
            "192.168.0.1",
            "169.254.169.254",
            "[fe80::1]",
            "[fd00:ec2::254]",
            "[64:ff9b::a9fe:a9fe]",
            "0.0.0.0",  # noqa: S104 - nobody listens there
        ):
            self.assert_strayed(self.sent(f"http://{host}/"))

    def test_names_do_not_lead_there(self) -> None:
        for address in ("127.0.0.1", "::1", "10.0.0.1", "169.254.169.254"):
            self.network.names.known["cdn.example"] = [address]
            self.assert_strayed(self.sent("http://cdn.example/"))

    def test_spellings_do_not_either(self) -> None:
        for host in ("127.1", "2130706433", "0x7f.1", "localhost"):
            self.network.names.known[host] = ["127.0.0.1"]
            self.assert_strayed(self.sent(f"http://{host}/"))

    def test_only_the_public_ones_of_several_are_gone_to(self) -> None:
        self.network.names.known["cdn.example"] = ["10.0.0.1", "9.9.9.9"]
        asked = self.sent("http://cdn.example/")
        self.assertEqual(self.network.tried, [("9.9.9.9", 80)])
        self.network.accept().send(GOOD)
        self.assertIsNotNone(self.successResultOf(asked))

    def test_name_that_leads_elsewhere_the_second_time(self) -> None:
        asked = self.ask()
        home = self.network.accept()
        home.send(send_to("http://cdn.example/"))
        closing = GOOD.replace(b"OK", b"OK\r\nConnection: close")
        self.network.accept().send(closing)
        opened = self.successResultOf(asked)
        assert opened is not None
        self.successResultOf(Deferred.fromCoroutine(opened.reader.close()))
        self.network.names.known["cdn.example"] = ["127.0.0.1"]
        asked = self.again()
        home.send(send_to("http://cdn.example/"))
        self.network.reactor.advance(1)
        self.assert_strayed(asked)

    def test_private_upstream_sends_to_its_own_network(self) -> None:
        self.network.names.known["cdn.example"] = ["10.0.0.2"]
        _ = self.sent("http://cdn.example/", at="10.0.0.1")
        self.assertEqual(self.network.tried, [("10.0.0.2", 80)])

    def test_but_not_to_this_machine(self) -> None:
        for host in ("127.0.0.1", "169.254.169.254"):
            self.assert_strayed(self.sent(f"http://{host}/", at="10.0.0.1"))

    def test_upstream_on_this_machine_sends_there(self) -> None:
        for at, to in (
            ("127.0.0.1", "127.0.0.1"),
            ("::1", "::1"),
            ("127.0.0.1", "10.0.0.1"),
        ):
            host = f"[{to}]" if ":" in to else to
            _ = self.sent(f"http://{host}:9000/", at=at)
            self.assertEqual(self.network.tried, [(to, 9000)])
            self.network.reactor.tcpClients.clear()

    def test_setting_allows_it(self) -> None:
        _ = self.sent("http://127.0.0.1:9000/", allow_private=True)
        self.assertEqual(self.network.tried, [("127.0.0.1", 9000)])

    def test_tokens_are_not_got_there_either(self) -> None:
        self.network.names.known["auth.example"] = ["169.254.169.254"]
        asked = self.ask(login=ToldLogin(Login("us", "hunter2")))
        realm = "http://auth.example/token"
        self.network.accept().send(
            f'HTTP/1.1 401 x\r\nWWW-Authenticate: Bearer realm="{realm}"\r\n'
            "Content-Length: 0\r\n\r\n".encode()
        )
        self.network.reactor.advance(1)
        self.assert_strayed(asked)

    def test_connections_are_not_logged(self) -> None:
        _ = self.ask()
        with capturedLogs() as logs:
            for host, port, factory in [
                each[:3] for each in self.network.reactor.tcpClients
            ]:
                self.assertEqual((host, port), (PUBLIC, 80))
                factory.doStart()
                factory.doStop()
        self.assertEqual(list(logs), [])

    def test_name_that_leads_nowhere(self) -> None:
        self.network.names.known["registry.example"] = []
        asked = self.ask()
        said = self.fails(UpstreamUnavailable, asked)
        self.assertIn("cannot be found by its name", said)

    def test_host_that_can_be_none(self) -> None:
        asked = self.sent("http://xn--\u002e.example/")
        self.network.reactor.advance(1)
        self.fails(UpstreamFault, asked)


class ProxyParseTests(SynchronousTestCase):
    def test_user_and_password(self) -> None:
        proxy = Proxy.parse("http://us:a%40b:c@proxy.example:3128")
        self.assertEqual(str(proxy.place), "http://proxy.example:3128/")
        shown = base64.b64encode(b"us:a@b:c").decode()
        self.assertEqual(proxy.authorization, f"Basic {shown}")
        self.assertNotIn(shown, repr(proxy))

    def test_nobody(self) -> None:
        self.assertEqual(Proxy.parse("http://proxy.example").authorization, "")

    def test_what_is_none(self) -> None:
        for text in (
            "",
            "proxy",
            "socks5://p",
            "http://p/x",
            "http://a@b@c",
            "http://a:b@",
        ):
            with self.assertRaises(ValueError) as caught:
                Proxy.parse(text)
            self.assertNotIn("a:b", str(caught.exception))


class TunnelTests(ReachCase):
    PROXY = "http://us:hunter2@proxy.example:3128"

    def setUp(self) -> None:
        self.names(proxy_example=["10.0.0.9"])

    def tunnel(self, url: str = "https://registry.example") -> tuple[Any, Connection]:
        """Ask through the proxy."""
        asked = self.ask(url, proxy=self.PROXY)
        self.assertEqual(self.network.tried, [("10.0.0.9", 3128)])
        return asked, self.network.accept()

    def test_proxy_is_asked_to_connect_us(self) -> None:
        _, connection = self.tunnel()
        shown = base64.b64encode(b"us:hunter2").decode()
        self.assertEqual(
            connection.peer.received,
            (
                "CONNECT registry.example:443 HTTP/1.1\r\n"
                "Host: registry.example:443\r\n"
                f"Proxy-Authorization: Basic {shown}\r\n\r\n"
            ).encode(),
        )

    def test_then_the_upstream_is_spoken_to(self) -> None:
        asked, connection = self.tunnel()
        before = len(connection.peer.received)
        for piece in (b"HTTP/1.1 200 Connec", b"tion established\r\nX: y\r\n", b"\r\n"):
            connection.send(piece)
        hello = connection.peer.received[before:]
        self.assertEqual(hello[:3], b"\x16\x03\x01")
        self.assertIn(b"registry.example", hello)
        asked.cancel()
        self.failureResultOf(asked)

    def test_proxy_refuses(self) -> None:
        for status in (403, 407, 502):
            asked, connection = self.tunnel()
            connection.send(b"HTTP/1.1 %d x\r\nContent-Length: 0\r\n\r\n" % status)
            said = self.fails(UpstreamUnavailable, asked)
            self.assertIn(f"is not let through by our proxy ({status})", said)
            self.assertTrue(connection.peer.lost)

    def test_proxy_that_speaks_for_the_upstream_is_not_heard(self) -> None:
        asked, connection = self.tunnel()
        connection.send(b"HTTP/1.1 200 OK\r\n\r\n" + GOOD)
        self.fails(UpstreamUnavailable, asked)
        self.assertTrue(connection.peer.lost)

    def test_proxy_that_is_none(self) -> None:
        for data in (b"SSH-2.0\r\n\r\n", b"HTTP/1.1 200\r\n" + b"X: y\r\n" * 9000):
            asked, connection = self.tunnel()
            connection.send(data)
            self.fails(UpstreamUnavailable, asked)
            self.assertTrue(connection.peer.lost)

    def test_proxy_that_hangs_up(self) -> None:
        asked, connection = self.tunnel()
        connection.send(b"HTTP/1.1 200 ")
        connection.close()
        self.fails(UpstreamUnavailable, asked)

    def test_proxy_that_says_nothing(self) -> None:
        asked, connection = self.tunnel()
        self.network.reactor.pump([1] * 30)
        connection.flush()
        self.assertIn("did not answer", self.fails(UpstreamUnavailable, asked))
        self.assertTrue(connection.peer.lost)
        self.assertEqual(self.network.reactor.getDelayedCalls(), [])

    def test_without_tls_the_proxy_asks_itself(self) -> None:
        asked, connection = self.tunnel("http://registry.example")
        received = connection.peer.received.decode()
        target = f"http://registry.example/v2/{ALPINE}/blobs/{DIGEST}"
        self.assertTrue(received.startswith(f"GET {target} HTTP/1.1\r\n"), received)
        self.assertIn("proxy-authorization: basic", received.lower())
        connection.send(GOOD)
        self.assertIsNotNone(self.successResultOf(asked))

    def test_what_comes_through_is_the_upstreams(self) -> None:
        asked, connection = self.tunnel()
        connection.send(b"HTTP/1.1 200 x\r\n\r\n")
        connection.send(b"no TLS")
        said = self.fails(UpstreamUnavailable, asked)
        self.assertIn("does not prove who it is", said)
        self.assertTrue(connection.peer.lost)

    def test_upstream_that_hangs_up(self) -> None:
        asked, connection = self.tunnel()
        connection.send(b"HTTP/1.1 200 x\r\n\r\n")
        connection.close()
        self.fails(UpstreamUnavailable, asked)

    def test_addresses_have_brackets(self) -> None:
        _, connection = self.tunnel("https://[2001:db8::1]:5000")
        self.assertIn(b"CONNECT [2001:db8::1]:5000 HTTP/1.1", connection.peer.received)

    def test_proxy_is_not_sent_where_we_do_not_go(self) -> None:
        for host in ("127.0.0.1", "localhost", "169.254.169.254", "127.1", "[::1]"):
            for scheme in ("http", "https"):
                asked, connection = self.tunnel("http://registry.example")
                connection.send(send_to(f"{scheme}://{host}/"))
                said = self.fails(UpstreamWrong, asked)
                self.assertIn("an address where we do not go", said)

    def test_names_are_the_proxys_affair(self) -> None:
        asked, connection = self.tunnel("http://registry.example")
        connection.send(send_to("http://cdn.example/x"))
        self.assertIn(b"GET http://cdn.example/x ", connection.peer.received)
        asked.cancel()
        self.failureResultOf(asked)

    def test_proxy_may_need_tls(self) -> None:
        self.PROXY = "https://proxy.example:3128"
        _, connection = self.tunnel()
        self.assertEqual(connection.peer.received[:3], b"\x16\x03\x01")
        self.assertIn(b"proxy.example", connection.peer.received)

    def test_no_secret_is_told_or_logged(self) -> None:
        with capturedLogs() as logs:
            asked, connection = self.tunnel()
            connection.send(b"HTTP/1.1 407 x\r\n\r\n")
            failure = self.failureResultOf(asked, UpstreamUnavailable)
        shown = base64.b64encode(b"us:hunter2").decode()
        said = f"{logs} {failure.getTraceback()} {failure.value!r}"
        self.assertNotIn("hunter2", said)
        self.assertNotIn(shown, said)
