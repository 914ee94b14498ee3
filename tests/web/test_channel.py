"""Tests of what is a request and what is not, and of connections that last."""

from tests.web import exchange
from tests.web.answers import Answer
from tests.web.content import digest_of
from tests.web.exchange import CHUNKED, Exchange, chunked, request_bytes
from tests.web.stores import SlowStore
from tests.web.wire import Connection

_POST = b"POST /v2/a/blobs/uploads/ HTTP/1.1\r\nHost: x\r\n"
_GET = b"GET /v2/ HTTP/1.1\r\nHost: x\r\n"
_SMUGGLED = b"GET /v2/_catalog HTTP/1.1\r\nHost: x\r\n\r\n"

_AMBIGUOUS = {
    "length and chunked": b"Content-Length: 5\r\nTransfer-Encoding: chunked",
    "chunked and length": b"Transfer-Encoding: chunked\r\nContent-Length: 5",
    "two lengths": b"Content-Length: 5\r\nContent-Length: 6",
    "two lengths that agree": b"Content-Length: 5\r\nContent-Length: 5",
    "a list of lengths": b"Content-Length: 5, 5",
    "a length with a sign": b"Content-Length: +5",
    "a negative length": b"Content-Length: -5",
    "a length in hex": b"Content-Length: 0x5",
    "a length with a line": b"Content-Length: 1_0",
    "a length that is a fraction": b"Content-Length: 5.0",
    "no length": b"Content-Length:",
    "a length in foreign digits": b"Content-Length: \xd9\xa5",
    "a superscript length": b"Content-Length: \xb2",
    "another coding first": b"Transfer-Encoding: gzip, chunked",
    "another coding last": b"Transfer-Encoding: chunked, identity",
    "chunked twice": b"Transfer-Encoding: chunked, chunked",
    "an unknown coding": b"Transfer-Encoding: xchunked",
    "identity": b"Transfer-Encoding: identity",
    "identity and length": b"Transfer-Encoding: identity\r\nContent-Length: 5",
    "no coding": b"Transfer-Encoding:",
    "two codings": b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
    "quoted": b'Transfer-Encoding: "chunked"',
    "a vertical tab": b"Transfer-Encoding: \x0bchunked",
    "a parameter": b"Transfer-Encoding: chunked;a=b",
    "a space before the colon": b"Content-Length : 5",
    "a tab before the colon": b"Transfer-Encoding\t: chunked",
    "a space before the name": b"X: y\r\n Content-Length: 5",
    "a length on the next line": b"Content-Length:\r\n 5",
    "a folded coding": b"Transfer-Encoding:\r\n\tchunked",
    "a folded header": b"X: y\r\n z",
    "a bare line feed": b"X: y\nContent-Length: 5",
    "a bare carriage return": b"X: y\rContent-Length: 5",
    "a null": b"X: y\0z",
    "a null in a name": b"X\0: y",
    "no colon": b"Content-Length 5",
    "no name": b": 5",
    "a name with a slash": b"X/Y: 5",
    "a name that is not ASCII": b"X\xe9: 5",
    "a second host": b"Host: y",
    "the same host again": b"Host: x",
}


class ChannelCase(exchange.WebCase):
    """A connection."""

    def setUp(self) -> None:
        super().setUp()
        self.connection = self.exchange.connect()

    def assertRefusedAndEnded(
        self, connection: Connection, status: int, what: object
    ) -> Answer:
        """There is one answer, which is a refusal, and the connection ends."""
        answer = connection.answer()
        self.assertEqual(answer.said, (status, "UNSUPPORTED"), what)
        self.assertFalse(answer.keeps, what)
        self.assertTrue(connection.ended, what)
        return answer


class AmbiguityTests(ChannelCase):
    def test_what_can_be_read_in_two_ways_is_refused(self) -> None:
        for what, lines in _AMBIGUOUS.items():
            for start in (_POST, _GET):
                connection = self.exchange.connect()
                connection.send(start + lines + b"\r\n\r\n0\r\n\r\n" + _SMUGGLED)
                self.assertRefusedAndEnded(connection, 400, what)

    def test_however_it_arrives(self) -> None:
        for what, lines in _AMBIGUOUS.items():
            for size in (1, 7):
                connection = self.exchange.connect()
                data = _POST + lines + b"\r\n\r\n0\r\n\r\n" + _SMUGGLED
                connection.send(data, size=size)
                self.assertRefusedAndEnded(connection, 400, (what, size))

    def test_nothing_of_it_is_done(self) -> None:
        before = self.exchange.stored()
        for lines in _AMBIGUOUS.values():
            self.exchange.connect().send(_POST + lines + b"\r\n\r\n0\r\n\r\n")
        self.assertEqual(self.exchange.stored(), before)

    def test_chunked_before_http_1_1(self) -> None:
        lines = b"POST /v2/a/blobs/uploads/ HTTP/1.0\r\nTransfer-Encoding: chunked"
        self.connection.send(lines + b"\r\n\r\n0\r\n\r\n")
        self.assertRefusedAndEnded(self.connection, 400, lines)

    def test_chunked_in_other_letters(self) -> None:
        for value in ("chunked", "CHUNKED", "Chunked", "  chunked\t"):
            headers = {"Transfer-Encoding": value}
            body = chunked(b"hello")
            answer = self.ask("POST", "/v2/a/blobs/uploads/", headers, body)
            self.assertEqual(answer.status, 202, value)


class FirstLineTests(ChannelCase):
    def test_what_is_no_request(self) -> None:
        for line in (
            b"GET",
            b"GET /v2/",
            b"GET  /v2/ HTTP/1.1",
            b"GET /v2/ HTTP/1.1 ",
            b" GET /v2/ HTTP/1.1",
            b"GET /v2/\tHTTP/1.1",
            b"GET /v2/ a HTTP/1.1",
            b"GET /v2/ HTTP/2.0",
            b"GET /v2/ HTTP/0.9",
            b"GET /v2/ HTTP/1.2",
            b"GET /v2/ http/1.1",
            b"GET /v2/ HTTP/1.1x",
            b"G(T /v2/ HTTP/1.1",
            b"GET /v2/\0 HTTP/1.1",
            b"GET /v2/\n HTTP/1.1",
            b"GET /v2/\xff HTTP/1.1",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            b"PRI * HTTP/2.0",
        ):
            connection = self.exchange.connect()
            connection.send(line + b"\r\nHost: x\r\n\r\n")
            self.assertRefusedAndEnded(connection, 400, line)

    def test_one_empty_line_before_is_passed_over(self) -> None:
        self.connection.send(b"\r\n" + request_bytes("GET", "/v2/"))
        self.assertEqual(self.connection.answer().status, 200)

    def test_one_that_is_too_long(self) -> None:
        for size in (17_000, 100_000):
            connection = self.exchange.connect()
            connection.send(request_bytes("GET", "/v2/" + "a" * size))
            self.assertRefusedAndEnded(connection, 414, size)

    def test_one_that_never_ends(self) -> None:
        self.connection.send(b"GET /" + b"a" * 40_000, size=1000)
        self.assertRefusedAndEnded(self.connection, 414, "endless")

    def test_an_absolute_target(self) -> None:
        for target in ("http://other.example/v2/", "https://x:443/v2/?a=b"):
            self.assertEqual(self.get(target).body, b"{}", target)
        self.assertEqual(self.get("http://other.example").status, 404)

    def test_methods_are_not_of_small_letters(self) -> None:
        for method in ("get", "Delete", "pATCH"):
            connection = self.exchange.connect()
            connection.send(request_bytes(method, "/v2/"))
            self.assertRefusedAndEnded(connection, 400, method)

    def test_methods_nobody_knows(self) -> None:
        for method in ("BREW", "TRACE", "M-SEARCH", "PROPFIND"):
            answer = self.ask(method, "/v2/")
            self.assertRefused(answer, 405, "UNSUPPORTED", method)
            self.assertEqual(answer.header("allow"), "GET, HEAD", method)


class HeaderTests(ChannelCase):
    def test_without_host(self) -> None:
        for lines in (b"", b"X: y\r\n"):
            connection = self.exchange.connect()
            connection.send(b"GET /v2/ HTTP/1.1\r\n" + lines + b"\r\n")
            self.assertRefusedAndEnded(connection, 400, lines)

    def test_without_host_before_http_1_1(self) -> None:
        self.connection.send(b"GET /v2/ HTTP/1.0\r\n\r\n")
        self.assertEqual(self.connection.answer().body, b"{}")
        self.assertTrue(self.connection.ended)

    def test_every_host_will_do(self) -> None:
        """Names that are no good in the DNS too, as Klein's router must not mind."""
        for host in ("", "x", "x:5000", "a" * 70, "a..b", ".", "[::1]:80", "%", "1:"):
            for method, target in (("GET", "/v2/"), ("POST", "/v2/a/blobs/uploads/")):
                connection = self.exchange.connect()
                connection.send(request_bytes(method, target, host=host))
                self.assertIn(connection.answer().status, (200, 202), host)

    def test_what_is_no_host(self) -> None:
        """RFC 9112, section 3.2."""
        for host in ("\xfc.example", "a b", "a/b", "a@b", "[::1", "x:y", "a:b:c", '"'):
            connection = self.exchange.connect()
            connection.send(request_bytes("GET", "/v2/", host=host))
            self.assertRefusedAndEnded(connection, 400, host)

    def test_one_that_is_too_long(self) -> None:
        self.connection.send(request_bytes("GET", "/v2/", {"X": "y" * 17_000}))
        self.assertRefusedAndEnded(self.connection, 431, "long")

    def test_a_long_token(self) -> None:
        headers = {"Authorization": "Bearer " + "x" * 16_000}
        self.assertEqual(self.ask("GET", "/v2/", headers).status, 200)

    def test_too_much_of_them(self) -> None:
        headers = [(f"X-{number}", "y" * 1000) for number in range(40)]
        self.connection.send(request_bytes("GET", "/v2/", headers))
        self.assertRefusedAndEnded(self.connection, 400, "much")

    def test_too_many_of_them(self) -> None:
        headers = [(f"X-{number}", "y") for number in range(201)]
        self.connection.send(request_bytes("GET", "/v2/", headers))
        self.assertRefusedAndEnded(self.connection, 400, "many")

    def test_a_colon_and_spaces_are_of_the_value(self) -> None:
        headers = {"X": " a : b ", "Content-Length": "  0\t"}
        self.assertEqual(self.ask("GET", "/v2/", headers).status, 200)

    def test_a_refusal_is_logged_without_what_was_sent(self) -> None:
        with exchange.logged() as events:
            self.connection.send(_GET + b"Authorization: Bearer s3cr3t\r\nX\r\n\r\n")
        lines = exchange.lines(events)
        self.assertTrue(
            any("sent a request that was refused" in line for line in lines)
        )
        self.assertNotIn("s3cr3t", "".join(lines))

    def test_nothing_comes_after_a_refusal(self) -> None:
        self.connection.send(_GET + b"X\r\n\r\n" + _GET + b"\r\n")
        self.connection.send(_GET + b"\r\n")
        self.assertRefusedAndEnded(self.connection, 400, "once")

    def test_an_answer_before_a_refusal_is_whole(self) -> None:
        self.connection.send(_GET + b"\r\n" + _GET + b"X\r\n\r\n")
        first, second = self.connection.answers("GET", "GET")
        self.assertEqual((first.status, second.status), (200, 400))


class LastingTests(ChannelCase):
    """Connections go on after whatever happened, if its end is known."""

    def setUp(self) -> None:
        super().setUp()
        self.data = b"x" * 1000
        self.digest = self.push_blob("a", self.data)

    def outcomes(self) -> dict[str, tuple[bytes, int]]:
        absent = f"/v2/b/blobs/{self.digest}"
        target = f"/v2/a/blobs/{self.digest}"
        upload = self.begin_upload()
        wrong = "/v2/a/blobs/uploads/?digest=sha256:" + "0" * 64
        return {
            "200": (request_bytes("GET", target), 200),
            "206": (request_bytes("GET", target, {"Range": "bytes=1-2"}), 206),
            "304": (request_bytes("GET", target, {"If-None-Match": "*"}), 304),
            "400": (request_bytes("GET", "/v2/A/blobs/x"), 400),
            "404": (request_bytes("GET", absent), 404),
            "405": (request_bytes("POST", "/v2/"), 405),
            "416": (request_bytes("GET", target, {"Range": "bytes=9999-"}), 416),
            "202 with a body": (request_bytes("PATCH", upload, body=b"y" * 99), 202),
            "202 chunked": (
                request_bytes("PATCH", upload, CHUNKED, chunked(b"y", b"zz")),
                202,
            ),
            "204": (request_bytes("GET", upload), 204),
            "400 with a body": (request_bytes("POST", wrong, body=self.data), 400),
            "404 with a body": (request_bytes("PUT", "/nowhere", body=self.data), 404),
            "405 with a body": (request_bytes("PUT", "/v2/", body=self.data), 405),
            "a body that means nothing": (
                request_bytes("GET", target, body=self.data),
                200,
            ),
        }

    def test_one_request_after_another(self) -> None:
        for what, (data, status) in self.outcomes().items():
            connection = self.exchange.connect()
            connection.send(data)
            connection.send(request_bytes("GET", "/v2/"))
            first, second = connection.answers("GET", "GET")
            self.assertEqual((first.status, second.body), (status, b"{}"), what)
            self.assertTrue(first.keeps, what)
            self.assertFalse(connection.ended, what)

    def test_all_in_one_segment(self) -> None:
        outcomes = self.outcomes()
        self.connection.send(b"".join(data for data, _ in outcomes.values()))
        self.assertEqual(
            [answer.status for answer in self.connection.answers(*["GET"] * 14)],
            [status for _, status in outcomes.values()],
        )

    def test_in_small_segments(self) -> None:
        outcomes = self.outcomes()
        data = b"".join(data for data, _ in outcomes.values())
        self.connection.send(data, size=3)
        self.assertEqual(
            [answer.status for answer in self.connection.answers(*["GET"] * 14)],
            [status for _, status in outcomes.values()],
        )

    def test_head_among_others(self) -> None:
        target = f"/v2/a/blobs/{self.digest}"
        methods = ("HEAD", "GET", "HEAD", "GET")
        for method in methods:
            self.connection.send(request_bytes(method, target))
        answers = self.connection.answers(*methods)
        self.assertEqual([len(each.body) for each in answers], [0, 1000, 0, 1000])

    def test_uploads_behind_each_other(self) -> None:
        bodies = [bytes([letter]) * 300_000 for letter in b"abc"]
        data = b"".join(
            request_bytes(
                "POST", f"/v2/a/blobs/uploads/?digest={digest_of(body)}", body=body
            )
            for body in bodies
        )
        self.connection.send(data, size=65536)
        answers = self.connection.answers("POST", "POST", "POST")
        self.assertEqual([answer.status for answer in answers], [201] * 3)
        for body in bodies:
            answer = self.ask("HEAD", f"/v2/a/blobs/{digest_of(body)}")
            self.assertEqual(answer.header("content-length"), "300000")

    def test_clients_that_want_it_closed(self) -> None:
        for what, (data, status) in self.outcomes().items():
            connection = self.exchange.connect()
            connection.send(data.replace(b"\r\n", b"\r\nConnection: close\r\n", 1))
            answer = connection.answer()
            self.assertEqual((answer.status, answer.keeps), (status, False), what)
            self.assertTrue(connection.ended, what)

    def test_http_1_0_is_closed(self) -> None:
        data = request_bytes("GET", "/v2/").replace(b"HTTP/1.1", b"HTTP/1.0")
        self.connection.send(data + data)
        self.assertEqual(self.connection.answer().status, 200)
        self.assertTrue(self.connection.ended)

    def test_very_many_requests(self) -> None:
        request = request_bytes("GET", f"/v2/a/blobs/{self.digest}")
        self.connection.send(request * 300, size=8192)
        answers = self.connection.answers(*["GET"] * 300)
        self.assertEqual([answer.body for answer in answers], [self.data] * 300)

    def test_what_waits_behind_a_request_is_bounded(self) -> None:
        """A client that only ever sends has to wait, and is read from again later."""
        store = SlowStore(self.exchange.clock)
        connection = Exchange(store=store, clock=self.exchange.clock).connect()
        store.hold()
        connection.send(request_bytes("GET", "/v2/a/manifests/latest"))
        ask = request_bytes("GET", "/v2/")
        sent = 0
        while not connection.waits and sent < 10_000:
            connection.send(ask)
            sent += 1
        self.assertLess(sent * len(ask), 32 * 1024)
        store.release()
        self.assertFalse(connection.waits)
        answers = connection.answers(*["GET"] * (sent + 1))
        self.assertEqual(len(answers), sent + 1)
