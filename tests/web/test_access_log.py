"""Tests of the lines that requests leave in the log."""

from tests.web import exchange
from tests.web.content import ABSENT
from tests.web.exchange import Exchange, request_bytes

_SECRETS = ("s3cr3t", "hidden", "YWxhZGRpbjo=")


class AccessLineTests(exchange.WebCase):
    def lines(self, *requests: bytes) -> list[str]:
        """Send requests, and give the access lines."""
        with exchange.logged() as events:
            for request in requests:
                connection = self.exchange.connect()
                connection.send(request)
                connection.drop()
        return [str(each["access"]) for each in events if "access" in each]

    def test_says_what_was_asked_and_what_became_of_it(self) -> None:
        agent = {"User-Agent": "docker/28.0 go/1.24"}
        self.assertEqual(
            self.lines(request_bytes("GET", "/v2/", agent)),
            ['192.168.1.1 - "GET /v2/" 200 2 0 "docker/28.0 go/1.24"'],
        )

    def test_each_request_has_its_line(self) -> None:
        lines = self.lines(
            request_bytes("HEAD", "/v2/"),
            request_bytes("GET", f"/v2/a/blobs/{ABSENT}"),
            request_bytes("POST", "/v2/a/blobs/uploads/"),
            request_bytes("GET", "/nothing"),
            request_bytes("POST", "/v2/"),
        )
        found = [tuple(line.split(" ")[2:5]) for line in lines]
        self.assertEqual(
            found,
            [
                ('"HEAD', '/v2/"', "200"),
                ('"GET', f'/v2/a/blobs/{ABSENT}"', "404"),
                ('"POST', '/v2/a/blobs/uploads/"', "202"),
                ('"GET', '/nothing"', "404"),
                ('"POST', '/v2/"', "405"),
            ],
        )

    def test_requests_behind_each_other_have_one_each(self) -> None:
        self.assertEqual(len(self.lines(request_bytes("GET", "/v2/") * 5)), 5)

    def test_counts_what_was_sent_and_how_long_it_took(self) -> None:
        connection = self.exchange.connect()
        data = request_bytes("PATCH", self.begin_upload(), body=b"hello")
        with exchange.logged() as events:
            connection.send(data[:-1])
            self.exchange.clock.advance(1.5)
            connection.send(data[-1:])
        (event,) = (each for each in events if "access" in each)
        found = {name: event[name] for name in ("milliseconds", "received", "sent")}
        self.assertEqual(found, {"milliseconds": 1500, "received": 5, "sent": 0})

    def test_nothing_secret_gets_into_any_line(self) -> None:
        headers = {
            "Authorization": "Basic YWxhZGRpbjo=",
            "Cookie": "id=s3cr3t",
            "X-Registry-Auth": "s3cr3t",
        }
        with exchange.logged() as events:
            for method, target in (
                ("GET", "/v2/?token=s3cr3t"),
                ("GET", f"/v2/a/blobs/{ABSENT}?sig=s3cr3t&digest=hidden"),
                ("GET", "/v2/a/manifests/latest?account=hidden"),
                ("GET", "/v2/a/tags/list?n=s3cr3t"),
                ("PUT", "/v2/a/manifests/latest?tag=!hidden"),
                ("POST", "/v2/a/blobs/uploads/?digest=hidden&mount=s3cr3t"),
                ("POST", "/v2/?token=s3cr3t"),
                ("GET", "/elsewhere?token=s3cr3t"),
                ("GET", "http://user:hidden@registry.example/v2/?token=s3cr3t"),
            ):
                self.ask(method, target, headers)
        text = "\n".join(exchange.lines(events))
        self.assertIn('"GET /v2/"', text)
        for secret in _SECRETS:
            self.assertNotIn(secret, text)

    def test_long_texts_are_cut(self) -> None:
        headers = {"User-Agent": "x" * 10_000}
        target = "/v2/" + "a" * 10_000 + "/tags/list"
        (line,) = self.lines(request_bytes("GET", target, headers))
        self.assertLess(len(line), 1500)

    def test_a_line_is_one_line(self) -> None:
        headers = {"User-Agent": "a\x0bb\x1b[0m\x85c\xe9"}
        for line in self.lines(
            request_bytes("GET", "/v2/a%0Ab/manifests/x", headers),
            request_bytes("GET", "/v2/\x7f", headers),
        ):
            self.assertEqual(len(line.split("\n")), 1)

    def test_can_be_switched_off(self) -> None:
        self.exchange = Exchange(site={"access_log": False})
        self.assertEqual(self.lines(request_bytes("GET", "/v2/")), [])

    def test_a_refusal_says_why(self) -> None:
        with exchange.logged() as events:
            self.ask("GET", "/v2/a/tags/list")
        text = "\n".join(exchange.lines(events))
        self.assertIn("Refused GET /v2/a/tags/list: 404 NAME_UNKNOWN There is no", text)

    def test_bytes_that_are_no_request_leave_a_line(self) -> None:
        with exchange.logged() as events:
            self.exchange.connect().send(b"\x16\x03\x01\r\n\r\n")
        (line,) = exchange.lines(events)
        self.assertIn("sent a request that was refused: The request is not", line)
