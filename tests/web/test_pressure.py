"""What clients cannot do to our memory, our time and our log."""

import json

from tests.web import exchange
from tests.web.exchange import lines, logged, request_bytes
from txregistry.model.descriptors import OCI_INDEX


class PressureTests(exchange.WebCase):
    def push_large_manifest(self) -> bytes:
        """Push a manifest of a megabyte under the tag ``large``."""
        document = {
            "schemaVersion": 2,
            "mediaType": OCI_INDEX,
            "manifests": [],
            "annotations": {"note": "x" * 1_000_000},
        }
        data = json.dumps(document).encode()
        answer = self.ask(
            "PUT", "/v2/a/manifests/large", {"Content-Type": OCI_INDEX}, data
        )
        self.assertEqual(answer.status, 201)
        return data

    def test_requests_sent_ahead_wait_until_answers_are_read(self) -> None:
        data = self.push_large_manifest()
        connection = self.exchange.connect(room=64 * 1024)
        connection.send(request_bytes("GET", "/v2/a/manifests/large") * 20)
        self.assertLess(len(connection.received), 2 * len(data))
        for _ in range(40 * len(data) // (64 * 1024)):
            connection.pipe.read()
            connection.settle()
        answers = connection.answers(*["GET"] * 20)
        self.assertEqual([answer.status for answer in answers], [200] * 20)
        self.assertTrue(all(answer.body == data for answer in answers))

    def test_a_large_manifest_goes_no_faster_than_it_is_read(self) -> None:
        data = self.push_large_manifest()
        connection = self.exchange.connect(room=64 * 1024)
        connection.send(request_bytes("GET", "/v2/a/manifests/large"))
        self.assertLess(len(connection.received), len(data) // 2)

    def test_small_answers_sent_ahead_wait_too(self) -> None:
        connection = self.exchange.connect(room=10)
        connection.send(request_bytes("GET", "/v2/") * 100)
        self.assertLess(len(connection.received), 4000)
        for _ in range(200):
            connection.pipe.read()
            connection.settle()
        self.assertEqual(len(connection.answers(*["GET"] * 100)), 100)

    def test_who_reads_nothing_is_left(self) -> None:
        connection = self.exchange.connect(room=10)
        connection.send(request_bytes("GET", "/v2/") * 100)
        self.exchange.clock.pump([5.0] * 20)
        self.exchange.site.sweep()
        self.assertTrue(connection.pipe.aborted)

    def test_a_body_in_very_small_pieces_takes_little_of_a_turn(self) -> None:
        connection = self.exchange.connect()
        upload = self.begin_upload()
        connection.send(
            b"PATCH " + upload.encode() + b" HTTP/1.1\r\nHost: a\r\n"
            b"Transfer-Encoding: chunked\r\n\r\n"
        )
        self.assertEqual(connection.pipe.bufferSize, 64 * 1024)
        connection.send(b"1\r\nx\r\n" * 100)
        self.assertEqual(connection.pipe.bufferSize, 16 * 1024)
        connection.send(b"40000\r\n" + b"x" * 0x40000 + b"\r\n")
        self.assertEqual(connection.pipe.bufferSize, 128 * 1024)

    def test_a_tls_handshake_is_told_at_once(self) -> None:
        connection = self.exchange.connect()
        connection.send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
        self.assertTrue(connection.received.startswith(b"HTTP/1.1 400 "))
        self.assertTrue(connection.ended)

    def test_what_cannot_become_a_request_is_told_at_once(self) -> None:
        for data in (b"\0" * 100, b"GET /v2/ HTTP/1.1\nHost: a\n\n", b"GET /v2/\n"):
            connection = self.exchange.connect()
            connection.send(data)
            self.assertTrue(connection.received.startswith(b"HTTP/1.1 400 "), data)
            self.assertTrue(connection.ended, data)

    def test_a_length_of_thousands_of_digits_is_refused(self) -> None:
        connection = self.exchange.connect()
        length = b"9" * 5000
        connection.send(
            b"PUT /v2/a/manifests/1 HTTP/1.1\r\nHost: a\r\n"
            b"Content-Length: " + length + b"\r\n\r\n"
        )
        self.assertEqual(connection.answer("PUT").status, 400)
        self.assertTrue(connection.ended)

    def test_the_log_takes_no_control_characters(self) -> None:
        with logged() as events:
            self.get("/v2/", {"User-Agent": '\x1b]0;evil\x07"'})
        (line,) = [line for line in lines(events) if "GET" in line]
        self.assertTrue(line.isprintable())
        self.assertIn("\\x1b]0;evil\\x07\\x22", line)
