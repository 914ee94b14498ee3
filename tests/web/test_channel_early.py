"""Tests of answers that come before a request's body is in."""

from tests.web import exchange
from tests.web.answers import Answer
from tests.web.content import ABSENT, digest_of
from tests.web.exchange import CHUNKED, chunked, request_bytes

_EXPECT = {"Expect": "100-continue"}
_NOWHERE = "/v2/a/blobs/uploads/" + "0" * 8 + "-0000-4000-8000-" + "0" * 12
_DATA = b"x" * 1000
_DRAINED = 256 * 1024
"""Bytes of an unwanted body that are taken in to keep the connection."""

_LINGERS = 3.0
"""Seconds that a client has to end by itself."""


class EarlyCase(exchange.WebCase):
    """A connection."""

    def setUp(self) -> None:
        super().setUp()
        self.connection = self.exchange.connect()

    def refused(self, *, size: int, sent: int = 0, **headers: str) -> Answer:
        """Announce a body that nobody wants, and send some of it."""
        fields = {"Content-Length": str(size), **headers}
        self.connection.send(request_bytes("PATCH", _NOWHERE, fields) + b"x" * sent)
        answer = self.connection.answer("PATCH")
        self.assertRefused(answer, 404, "BLOB_UPLOAD_UNKNOWN")
        return answer

    def assertClosing(self) -> None:
        """The server has said all, and waits for the client to end."""
        pipe = self.connection.pipe
        self.assertEqual((pipe.half_closed, pipe.aborted), (True, False))
        self.assertFalse(self.connection.waits)


class DrainTests(EarlyCase):
    def test_a_small_rest_is_taken_in(self) -> None:
        for sent in (0, 1, _DRAINED - 1, _DRAINED):
            self.connection = self.exchange.connect()
            self.assertTrue(self.refused(size=_DRAINED, sent=sent).keeps, sent)
            self.assertFalse(self.connection.ended, sent)
            rest = b"x" * (_DRAINED - sent)
            self.connection.send(rest + request_bytes("GET", "/v2/"))
            _, answer = self.connection.answers("PATCH", "GET")
            self.assertEqual(answer.body, b"{}", sent)

    def test_the_rest_is_never_a_request(self) -> None:
        body = request_bytes("GET", "/v2/_catalog")
        self.connection.send(request_bytes("PATCH", _NOWHERE, body=body))
        self.connection.send(request_bytes("GET", "/v2/"))
        _, answer = self.connection.answers("PATCH", "GET")
        self.assertEqual(answer.body, b"{}")

    def test_a_rest_that_does_not_come(self) -> None:
        self.refused(size=1000, sent=10)
        self.exchange.clock.advance(61)
        self.assertTrue(self.connection.ended)

    def test_a_client_that_leaves_instead_of_sending_the_rest(self) -> None:
        self.refused(size=1000, sent=10)
        self.connection.drop()
        self.assertTrue(self.connection.ended)

    def test_of_a_large_body_a_small_rest(self) -> None:
        """What counts is how much is still to come."""
        location = self.begin_upload()
        size = 3 * _DRAINED
        target = f"{location}?digest={ABSENT}"
        headers = {"Content-Length": str(size), "Content-Range": "x"}
        self.connection.send(request_bytes("PUT", target, headers) + b"x" * size)
        self.assertFalse(self.connection.answer("PUT").keeps)


class LingerTests(EarlyCase):
    def test_a_large_rest_is_not_waited_for(self) -> None:
        self.assertFalse(self.refused(size=_DRAINED + 1).keeps)
        self.assertClosing()

    def test_chunks_are_not_waited_for(self) -> None:
        head = request_bytes("PATCH", _NOWHERE, CHUNKED)
        self.connection.send(head + b"5\r\nhello\r\n")
        self.assertFalse(self.connection.answer("PATCH").keeps)
        self.assertClosing()

    def test_what_still_comes_is_thrown_away(self) -> None:
        self.refused(size=10**9)
        received = self.connection.received
        for _ in range(100):
            self.connection.send(request_bytes("GET", "/v2/") * 100)
        self.assertEqual(self.connection.received, received)
        self.assertClosing()

    def test_a_client_that_never_ends_is_broken_off(self) -> None:
        self.refused(size=10**9)
        self.exchange.clock.advance(_LINGERS - 0.1)
        self.assertFalse(self.connection.pipe.aborted)
        self.exchange.clock.advance(0.1)
        self.assertTrue(self.connection.pipe.aborted)

    def test_a_client_that_sends_without_end_is_broken_off(self) -> None:
        self.refused(size=10**12)
        piece = b"x" * (1024 * 1024)
        for _ in range(64):
            self.connection.send(piece)
        self.assertFalse(self.connection.pipe.aborted)
        self.connection.send(piece)
        self.assertTrue(self.connection.pipe.aborted)

    def test_a_client_that_ends_leaves_nothing(self) -> None:
        self.connection.drop()
        before = self.exchange.clock.getDelayedCalls()
        self.connection = self.exchange.connect()
        self.refused(size=10**9)
        self.connection.drop()
        self.assertEqual(self.exchange.site.channels, set())
        self.assertEqual(self.exchange.clock.getDelayedCalls(), before)

    def test_after_a_request_that_is_none(self) -> None:
        self.connection.send(b"what is this\r\n\r\n")
        self.assertEqual(self.connection.answer().status, 400)
        self.assertClosing()
        self.exchange.clock.advance(_LINGERS)
        self.assertTrue(self.connection.pipe.aborted)


class ContinueTests(EarlyCase):
    def upload(self, data: bytes = _DATA, **headers: str) -> bytes:
        """Spell the headers of a whole upload."""
        fields = {"Content-Length": str(len(data)), **_EXPECT, **headers}
        target = f"/v2/a/blobs/uploads/?digest={digest_of(data)}"
        return request_bytes("POST", target, fields)

    def test_a_body_that_is_wanted(self) -> None:
        self.connection.send(self.upload())
        self.assertEqual(self.connection.received, b"HTTP/1.1 100 Continue\r\n\r\n")
        self.connection.send(_DATA)
        answer = self.connection.answer("POST")
        self.assertEqual((answer.status, answer.interim), (201, (100,)))

    def test_a_chunked_body_that_is_wanted(self) -> None:
        target = f"/v2/a/blobs/uploads/?digest={digest_of(_DATA)}"
        self.connection.send(request_bytes("POST", target, {**_EXPECT, **CHUNKED}))
        self.connection.send(chunked(_DATA))
        answer = self.connection.answer("POST")
        self.assertEqual((answer.status, answer.interim), (201, (100,)))

    def test_in_other_letters(self) -> None:
        self.connection.send(self.upload(Expect="100-Continue") + _DATA[:0])
        self.connection.send(_DATA)
        self.assertEqual(self.connection.answer("POST").interim, (100,))

    def test_a_body_that_is_not_wanted(self) -> None:
        """Whether it will come is unknown: the connection cannot go on."""
        answer = self.refused(size=10, Expect="100-continue")
        self.assertEqual((answer.interim, answer.keeps), ((), False))
        self.assertClosing()

    def test_a_body_that_nobody_asks_for(self) -> None:
        headers = {"Content-Length": "10", **_EXPECT}
        self.connection.send(request_bytes("GET", "/v2/", headers))
        answer = self.connection.answer()
        self.assertEqual((answer.status, answer.interim), (200, ()))
        self.assertFalse(answer.keeps)

    def test_a_body_that_did_not_wait(self) -> None:
        self.connection.send(self.upload() + _DATA)
        self.assertEqual(self.connection.answer("POST").status, 201)

    def test_connection_goes_on(self) -> None:
        for _ in range(3):
            self.connection.send(self.upload())
            self.connection.send(_DATA)
        answers = self.connection.answers("POST", "POST", "POST")
        self.assertEqual([each.status for each in answers], [201] * 3)

    def test_before_http_1_1_there_is_no_100(self) -> None:
        head = self.upload().replace(b"HTTP/1.1", b"HTTP/1.0")
        self.connection.send(head)
        self.assertEqual(self.connection.received, b"")
        self.connection.send(_DATA)
        answer = self.connection.answer("POST")
        self.assertEqual((answer.status, answer.interim), (201, ()))

    def test_without_a_body_there_is_no_100_to_wait_for(self) -> None:
        answer = self.ask("GET", "/v2/", _EXPECT)
        self.assertEqual(answer.status, 200)

    def test_a_client_that_never_goes_on(self) -> None:
        self.connection.send(self.upload())
        self.exchange.clock.advance(61)
        self.assertTrue(self.connection.ended)


class BadFramingTests(EarlyCase):
    """Bodies that turn out to be none when their request is already worked on."""

    def test_one_refusal_and_the_end(self) -> None:
        location = self.begin_upload()
        for rest in (
            b"x\r\n",
            b"-5\r\nhello\r\n",
            b"5\nhello\r\n",
            b"5\r\nhelloX\r\n",
            b"5\r\nhello\n",
            b"0x5\r\nhello\r\n",
            b" 5\r\nhello\r\n",
            b"\r\n",
            b"F" * 16 + b"\r\n",
            b"5;" + b"x" * 2000,
            b"5 5\r\nhello\r\n",
            b"0\r\n" + b"X: y\r\n" * 3000,
            b"0\r\nX: y\nZ\r\n",
        ):
            connection = self.exchange.connect()
            connection.send(request_bytes("PATCH", location, CHUNKED) + b"1\r\nx\r\n")
            self.assertEqual(connection.received, b"", rest)
            connection.send(rest + request_bytes("GET", "/v2/"))
            answer = connection.answer("PATCH")
            self.assertRefused(answer, 400, "SIZE_INVALID", rest)
            self.assertFalse(answer.keeps, rest)
            self.assertTrue(connection.ended, rest)

    def test_what_came_before_is_kept(self) -> None:
        location = self.begin_upload()
        head = request_bytes("PATCH", location, CHUNKED)
        self.connection.send(head + b"5\r\nhello\r\nx\r\n")
        self.assertEqual(self.connection.answer("PATCH").status, 400)
        self.assertEqual(self.get(location).header("range"), "0-4")

    def test_a_whole_upload_of_it_is_no_blob(self) -> None:
        target = f"/v2/a/blobs/uploads/?digest={digest_of(b'hello')}"
        head = request_bytes("POST", target, CHUNKED)
        self.connection.send(head + b"5\r\nhello\r\nx\r\n")
        self.assertEqual(self.connection.answer("POST").status, 400)
        answer = self.ask("HEAD", f"/v2/a/blobs/{digest_of(b'hello')}")
        self.assertEqual(answer.status, 404)

    def test_after_a_refusal_it_does_not_matter(self) -> None:
        head = request_bytes("PATCH", _NOWHERE, CHUNKED)
        self.connection.send(head + b"x\r\n\r\n")
        self.assertRefused(self.connection.answer("PATCH"), 404, "BLOB_UPLOAD_UNKNOWN")
        self.assertClosing()


class LeavingTests(EarlyCase):
    """Clients that leave before their body has come."""

    def test_what_came_is_kept(self) -> None:
        location = self.begin_upload()
        for headers, data in (
            ({"Content-Length": "1000"}, b"x" * 100),
            (CHUNKED, b"64\r\n" + b"x" * 100 + b"\r\n64\r\nx"),
        ):
            connection = self.exchange.connect()
            connection.send(request_bytes("PATCH", location, headers) + data)
            connection.drop()
            self.assertEqual(connection.received, b"")
        self.assertEqual(self.get(location).header("range"), "0-200")
        rest = {"Content-Range": "201-202"}
        self.assertEqual(self.ask("PATCH", location, rest, b"ab").status, 202)

    def test_the_session_is_free_again(self) -> None:
        location = self.begin_upload()
        data = request_bytes("PATCH", location, body=_DATA)
        self.connection.send(data[:-1])
        self.assertEqual(self.ask("PATCH", location, body=b"x").status, 400)
        self.connection.drop()
        self.assertEqual(self.ask("PATCH", location, body=b"x").status, 202)

    def test_a_whole_upload_leaves_nothing(self) -> None:
        before = self.exchange.stored()
        target = f"/v2/a/blobs/uploads/?digest={digest_of(_DATA)}"
        self.connection.send(request_bytes("POST", target, body=_DATA)[:-1])
        self.connection.drop()
        self.assertEqual(self.exchange.stored(), before)

    def test_a_manifest_leaves_nothing(self) -> None:
        before = self.exchange.stored()
        data = request_bytes("PUT", "/v2/a/manifests/latest", body=b"{" * 100)
        self.connection.send(data[:-1])
        self.connection.drop()
        self.assertEqual(self.exchange.stored(), before)

    def test_nothing_is_said_to_the_log_but_that_it_left(self) -> None:
        location = self.begin_upload()
        with exchange.logged() as events:
            self.connection.send(request_bytes("PATCH", location, body=_DATA)[:-1])
            self.connection.drop()
        (line,) = exchange.lines(events)
        self.assertRegex(line, r'^\S+ - "PATCH /v2/a/blobs/uploads/\S+" 499 0 0 "-"$')
