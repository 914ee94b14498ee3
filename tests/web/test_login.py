"""Tests of ``txregistry/web/login.py``: where tokens are had.

What proxies have to say to it is in ``test_proxies.py``.
"""

from collections.abc import Mapping
from typing import Any

from twisted.internet.interfaces import ISSLTransport
from zope.interface import alsoProvides

from tests.web import callers
from tests.web.exchange import request_bytes

OWN = "http://10.0.0.1:12345"
"""The address at which the connections of the tests come in."""


class RealmCase(callers.CallersCase):
    def realm(self, host: str = "registry.example", *, secure: bool = False) -> str:
        """Give the place that a challenge tells, or the status of another refusal."""
        connection = self.exchange.connect()
        if secure:
            pipe: Any = connection.pipe
            pipe.getPeerCertificate = lambda: None
            alsoProvides(pipe, ISSLTransport)
        connection.send(request_bytes("GET", "/v2/", host=host))
        answer = connection.answer()
        connection.drop()
        if answer.status == 400:
            return "400"
        (bearer,) = self.challenges(answer)
        realm, service = bearer.split('",service="')
        self.assertEqual(service, 'txregistry"')
        return realm.removeprefix('Bearer realm="').removesuffix("/auth/token")


class RealmTests(RealmCase):
    def test_it_is_what_the_client_calls_us(self) -> None:
        for host in (
            "registry.example",
            "registry.example:5000",
            "10.0.0.1:5000",
            "[2001:db8::1]:5000",
            "my_registry:5000",
            "registry.example.",
        ):
            self.assertEqual(self.realm(host), f"http://{host}")

    def test_case_of_a_host_is_of_no_matter(self) -> None:
        self.assertEqual(self.realm("Reg.Example:5000"), "http://reg.example:5000")

    def test_it_is_reached_by_tls_where_the_client_speaks_that(self) -> None:
        self.assertEqual(self.realm(secure=True), "https://registry.example")

    def test_host_that_is_none_is_not_repeated(self) -> None:
        for host in ("a,b", "a;b=c", "-a", "a(b)", "a'b", "$a", "a:", "x" * 300, ""):
            self.assertEqual(self.realm(host), OWN, host)

    def test_what_could_end_a_header_is_refused_before(self) -> None:
        for host in (
            'a"b',
            "a\\b",
            "evil/x",
            "u@evil",
            "[::1]x",
            "a\r\nHost: b",
            "a b",
        ):
            self.assertEqual(self.realm(host), "400", host)


class NamedTests(RealmCase):
    site: Mapping[str, Any] = {"base_url": "https://hub.example:5000"}

    def test_it_is_what_the_settings_say(self) -> None:
        for host in ("other.example", "a,b", ""):
            self.assertEqual(self.realm(host), "https://hub.example:5000")
