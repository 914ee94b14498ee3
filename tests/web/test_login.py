"""Tests of ``txregistry/web/login.py``: where tokens are had."""

from collections.abc import Mapping

from tests.web import callers
from tests.web.exchange import Headers, request_bytes


class RealmTests(callers.CallersCase):
    """Where tokens are had, as the client can reach it."""

    site: Mapping[str, object] = {}

    def realm(self, headers: Headers = (), host: str = "registry.example") -> str:
        """Give the place that a challenge tells."""
        answer = self.exchange.ask_raw(request_bytes("GET", "/v2/", headers, host=host))
        self.assertEqual(answer.status, 401, answer.body)
        realm, service = self.challenges(answer)[0].split('",service="')
        self.assertEqual(service, 'txregistry"')
        return realm.removeprefix('Bearer realm="')

    def test_it_is_what_the_client_calls_us(self) -> None:
        for host in (
            "registry.example",
            "registry.example:5000",
            "10.0.0.1:5000",
            "[2001:db8::1]:5000",
            "my_registry:5000",
            "registry.example.",
        ):
            self.assertEqual(self.realm(host=host), f"http://{host}/auth/token")

    def test_case_of_a_host_is_of_no_matter(self) -> None:
        found = self.realm(host="Registry.Example:5000")
        self.assertEqual(found, "http://registry.example:5000/auth/token")

    def test_host_that_is_none_is_not_repeated(self) -> None:
        for host in (
            "a,b",
            "a;b=c",
            "user@evil",
            "evil/path",
            'a"b',
            "a\\b",
            "-a",
            "a(b)",
            "[::1]x",
            "",
            "x" * 300,
        ):
            data = request_bytes("GET", "/v2/", host=host)
            answer = self.exchange.ask_raw(data)
            if answer.status == 400:  # refused before
                continue
            challenge = self.challenges(answer)[0]
            self.assertIn('realm="http://10.0.0.1:12345/auth/token"', challenge)
            self.assertEqual(len(self.challenges(answer)), 2)

    def test_two_lines_are_refused_before(self) -> None:
        data = request_bytes("GET", "/v2/", host="a\r\nHost: b")
        self.assertEqual(self.exchange.ask_raw(data).status, 400)


class NamedRealmTests(RealmTests):
    site: Mapping[str, object] = {"base_url": "https://hub.example:5000"}

    def test_it_is_what_the_client_calls_us(self) -> None:
        found = self.realm(host="other.example")
        self.assertEqual(found, "https://hub.example:5000/auth/token")

    def test_case_of_a_host_is_of_no_matter(self) -> None:
        self.test_it_is_what_the_client_calls_us()

    def test_host_that_is_none_is_not_repeated(self) -> None:
        self.test_it_is_what_the_client_calls_us()
