"""Tests of ``txregistry/web/proxies.py``, and of what requests make of it."""

from collections.abc import Sequence
from ipaddress import ip_network
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.trial.unittest import SynchronousTestCase

from tests.web import callers
from tests.web.exchange import request_bytes
from tests.web.v1.people import BOB
from txregistry.settings.sections import Rule
from txregistry.web.proxies import Proxies, is_host

OURS = Proxies(map(ip_network, ("10.0.0.0/8", "2001:db8::/32", "::ffff:192.0.2.0/120")))
CLIENT = "203.0.113.9"


class ClientTests(SynchronousTestCase):
    def test_peer_speaks_for_itself(self) -> None:
        for peer in (CLIENT, "10.0.0.1", "2001:db8::1", ""):
            self.assertEqual(OURS.client(peer, ()), peer)

    def test_proxy_of_ours_is_believed(self) -> None:
        for peer in ("10.0.0.1", "2001:db8::1", "192.0.2.7", "::ffff:10.0.0.1"):
            self.assertEqual(OURS.client(peer, [CLIENT]), CLIENT, peer)

    def test_others_are_not(self) -> None:
        for peer in (CLIENT, "11.0.0.1", "2001:db9::1", ""):
            self.assertEqual(OURS.client(peer, ["192.0.2.1"]), peer)

    def test_address_is_written_in_one_way(self) -> None:
        for peer in ("::ffff:11.0.0.1", "0:0:0:0:0:ffff:b00:1"):
            self.assertEqual(OURS.client(peer, []), "11.0.0.1")

    def test_what_is_no_address_is_none(self) -> None:
        for peer in ("junk", "localhost"):
            self.assertEqual(OURS.client(peer, []), "")

    def test_nobody_is_where_there_are_none(self) -> None:
        self.assertEqual(Proxies().client("10.0.0.1", [CLIENT]), "10.0.0.1")
        self.assertFalse(Proxies().trusts("10.0.0.1"))

    def test_last_that_is_not_ours_counts(self) -> None:
        for forwarded in (
            [CLIENT, "10.0.0.2", "10.0.0.3"],
            ["198.51.100.1", CLIENT, "10.0.0.2"],
            ["10.0.0.9", "127.0.0.1", CLIENT],
            ["junk", "", CLIENT, "2001:db8::5"],
        ):
            self.assertEqual(OURS.client("10.0.0.1", forwarded), CLIENT)

    def test_all_ours(self) -> None:
        self.assertEqual(OURS.client("10.0.0.1", ["10.0.0.3", "10.0.0.2"]), "10.0.0.3")

    def test_what_is_no_address_is_nobody(self) -> None:
        """Then all that is known is which proxy asks."""
        for text in ("unknown", "_hidden", "a.example", "1.2.3", "1" * 200, "\0", "[]"):
            found = OURS.client("10.0.0.1", [CLIENT, text, "10.0.0.2"])
            self.assertEqual(found, "10.0.0.2", text)

    def test_port_is_left_out(self) -> None:
        for text, address in (
            ("203.0.113.9:4711", CLIENT),
            ("[2001:db9::9]:4711", "2001:db9::9"),
            ("[2001:db9::9]", "2001:db9::9"),
            ("2001:db9::9", "2001:db9::9"),
            ("::ffff:203.0.113.9", CLIENT),
        ):
            self.assertEqual(OURS.client("10.0.0.1", [text]), address)

    @given(st.lists(st.sampled_from((CLIENT, "10.0.0.2", "junk", "::1", ""))))
    def test_it_is_never_somebody_before_the_last_that_is_not_ours(
        self, said: list[str]
    ) -> None:
        found = OURS.client("10.0.0.1", [*said, "198.51.100.7", "10.0.0.4"])
        self.assertEqual(found, "198.51.100.7")


class HostTests(SynchronousTestCase):
    def test_hosts(self) -> None:
        for text in (
            "a",
            "a.example",
            "a-b.c:5000",
            "10.0.0.1",
            "[::1]:1",
            "a_b",
            "a.",
        ):
            self.assertTrue(is_host(text), text)

    def test_what_is_none(self) -> None:
        for text in (
            "",
            "A",
            "a b",
            "a,b",
            'a"',
            "a\\",
            "a\r\nb",
            "a\n",
            "a/b",
            "a@b",
            "-a",
            "a-",
            ".a",
            "a:",
            "a:123456",
            "a:b",
            "::1",
            "[a",
            "[::1]b",
            "é",
            "a" * 300,
            "a#b",
            "a?b",
            "<script>",
        ):
            self.assertFalse(is_host(text), text)

    @given(st.text(max_size=20))
    def test_nothing_of_it_ends_a_header_or_a_quoted_text(self, text: str) -> None:
        if is_host(text):
            self.assertNotRegex(text, r"[^a-z0-9._:\[\]-]")


class RequestCase(callers.CallersCase):
    """A registry behind proxies of 10.0.0.0/8."""

    def setUp(self) -> None:
        self.site = {"proxies": Proxies([ip_network("10.0.0.0/8")])}
        super().setUp()

    def ask_from(
        self,
        peer: Any,
        headers: Sequence[tuple[str, str]] = (),
        target: str = "/v2/",
        host: str = "registry.example",
    ) -> Any:
        """Ask something from somewhere."""
        connection = self.exchange.connect()
        connection.pipe.peerAddr = peer
        connection.pipe.getPeer = lambda: peer  # type: ignore[method-assign]
        connection.send(request_bytes("GET", target, headers, host=host))
        answer = connection.answer()
        connection.drop()
        return answer


def ipv4(host: str) -> IPv4Address:
    """Give an address of IPv4."""
    return IPv4Address("TCP", host, 4711)


def ipv6(host: str) -> IPv6Address:
    """Give an address of IPv6."""
    return IPv6Address("TCP", host, 4711)


class AddressTests(RequestCase):
    """Bob may see ``acme/web`` from one network only."""

    rules = (
        Rule(("bob",), ("acme/web",), ("pull",), ("203.0.113.0/24", "2001:db9::/32")),
    )
    target = "/v2/acme/web/tags/list"

    def may(self, peer: Any, *forwarded: str) -> bool:
        """Say whether bob is let in who asks from somewhere."""
        headers = [
            *BOB.items(),
            *(("X-Forwarded-For", each) for each in forwarded),
        ]
        status: int = self.ask_from(peer, headers, self.target).status
        self.assertIn(status, {200, 403})
        return status == 200

    def test_who_is_there_may(self) -> None:
        self.assertTrue(self.may(ipv4("203.0.113.9")))
        self.assertTrue(self.may(ipv6("2001:db9::9")))
        self.assertTrue(self.may(ipv6("::ffff:203.0.113.9")))

    def test_who_is_elsewhere_may_not(self) -> None:
        for peer in (ipv4("198.51.100.1"), ipv6("2001:db8::1"), UNIXAddress(b"/x")):
            self.assertFalse(self.may(peer))

    def test_proxy_tells(self) -> None:
        proxy = ipv4("10.0.0.1")
        self.assertTrue(self.may(proxy, "203.0.113.9"))
        self.assertTrue(self.may(proxy, "203.0.113.9, 10.1.1.1"))
        self.assertTrue(self.may(proxy, "203.0.113.9", "10.1.1.1"))
        self.assertTrue(self.may(proxy, "198.51.100.1", "203.0.113.9,10.1.1.1"))
        self.assertTrue(self.may(proxy, "2001:db9::9"))
        self.assertTrue(self.may(ipv6("::ffff:10.0.0.1"), "203.0.113.9"))

    def test_nobody_else_does(self) -> None:
        for peer in (ipv4("198.51.100.1"), ipv6("2001:db8::1"), UNIXAddress(b"/x")):
            self.assertFalse(self.may(peer, "203.0.113.9"))
            self.assertFalse(self.may(peer, "203.0.113.9", "10.0.0.1"))

    def test_what_the_client_told_the_proxy_is_not_believed(self) -> None:
        proxy = ipv4("10.0.0.1")
        for forwarded in (
            ("203.0.113.9, 198.51.100.1",),
            ("203.0.113.9", "198.51.100.1"),
            ("198.51.100.1, 203.0.113.9, 192.0.2.1, 10.1.1.1",),
            ("203.0.113.9, junk",),
            ("203.0.113.9,junk,10.1.1.1",),
            (",,,",),
            ("203.0.113.9 198.51.100.1",),
            ("203.0.113.9;10.1.1.1",),
        ):
            self.assertFalse(self.may(proxy, *forwarded), forwarded)


class RealmTests(RequestCase):
    """Where a challenge sends clients, behind a proxy."""

    def realm(
        self, peer: str, *headers: tuple[str, str], host: str = "registry.example"
    ) -> str:
        """Give the place."""
        answer = self.ask_from(ipv4(peer), headers, host=host)
        realm = self.challenges(answer)[0].split('",service="')[0]
        return realm.removeprefix('Bearer realm="').removesuffix("/auth/token")

    def test_proxy_tells_how_the_client_reached_it(self) -> None:
        found = self.realm(
            "10.0.0.1",
            ("X-Forwarded-Proto", "https"),
            ("X-Forwarded-Host", "Hub.Example:8443"),
        )
        self.assertEqual(found, "https://hub.example:8443")

    def test_host_may_be_passed_on_as_it_is(self) -> None:
        found = self.realm(
            "10.0.0.1", ("X-Forwarded-Proto", "https"), host="hub.example"
        )
        self.assertEqual(found, "https://hub.example")

    def test_last_word_counts(self) -> None:
        found = self.realm(
            "10.0.0.1",
            ("X-Forwarded-Proto", "http"),
            ("X-Forwarded-Proto", "http, https"),
            ("X-Forwarded-Host", "evil.example, hub.example"),
        )
        self.assertEqual(found, "https://hub.example")

    def test_nobody_else_tells(self) -> None:
        found = self.realm(
            "198.51.100.1",
            ("X-Forwarded-Proto", "https"),
            ("X-Forwarded-Host", "evil.example"),
        )
        self.assertEqual(found, "http://registry.example")

    def test_scheme_is_one_of_two(self) -> None:
        for text in ("javascript", "HTTPS,x", "https://", "", "ftp"):
            found = self.realm("10.0.0.1", ("X-Forwarded-Proto", text))
            self.assertEqual(found, "http://registry.example", text)

    def test_host_that_is_none_is_not_repeated(self) -> None:
        for text in ('a",x="', "a b", "a/b", "[", "a\\", "a;b"):
            found = self.realm("10.0.0.1", ("X-Forwarded-Host", text))
            self.assertEqual(found, "http://10.0.0.1:12345", text)
