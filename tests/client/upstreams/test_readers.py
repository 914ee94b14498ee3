"""Tests of ``txregistry/client/upstreams/readers.py``: bytes that take time."""

from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionRefusedError as Refused

from tests.client.network import Connection
from tests.client.upstreams.case import ALPINE, BLOB, DIGEST
from tests.client.upstreams.wire import BLOB_HEAD, GOOD, LENGTH, OK, WireCase
from txregistry.client.upstreams.interfaces import (
    UpstreamUnavailable,
    UpstreamWrong,
)
from txregistry.client.upstreams.limits import Limits, Patience
from txregistry.streams import read_all


class TimeTests(WireCase):
    def wait(self, seconds: int) -> None:
        """Let time pass."""
        self.network.reactor.pump([0.5] * (2 * seconds))

    def test_silence(self) -> None:
        asked, connection = self.begin()
        self.wait(19)
        self.assertNoResult(asked)
        self.wait(1)
        said = self.fails(UpstreamUnavailable, asked, connection)
        self.assertIn("did not answer in 20 s", said)

    def test_no_connection(self) -> None:
        self.make()
        asked = self.ask()
        self.wait(20)
        self.failureResultOf(asked, UpstreamUnavailable)

    def test_refusal_of_connections(self) -> None:
        self.make()
        asked = self.ask()
        self.network.refuse(Refused())
        said = self.fails(UpstreamUnavailable, asked)
        self.assertIn("cannot be asked (ConnectionRefusedError)", said)

    def test_drips_of_a_head(self) -> None:
        asked, connection = self.begin()
        for place in range(19):
            connection.send(GOOD[place : place + 1])
            self.wait(1)
        self.assertNoResult(asked)
        self.wait(1)
        said = self.fails(UpstreamUnavailable, asked, connection)
        self.assertIn("did not answer in 20 s", said)

    def test_interim_answers_in_drips(self) -> None:
        asked, connection = self.begin()
        for _ in range(4):
            connection.send(b"HTTP/1.1 102 Processing\r\n\r\n")
            self.wait(5)
        self.fails(UpstreamUnavailable, asked, connection)

    def test_drips_of_a_document(self) -> None:
        self.patience = Patience(attempts=1, document=30, stall=15)
        self.limits = Limits(least=1, window=10)
        asked, connection = self.begin()
        connection.send(OK + LENGTH + b"\r\n")
        for _ in range(59):
            connection.send(b"xx")
            self.network.reactor.advance(0.5)
        self.assertNoResult(asked)
        self.network.reactor.advance(0.5)
        said = self.fails(UpstreamUnavailable, asked, connection)
        self.assertIn("gives too little at a time", said)

    def test_drips_of_a_document_are_not_asked_for_again(self) -> None:
        for most, seconds in ((1, 10), (100, 30)):
            self.patience = Patience(attempts=3, document=30, stall=15)
            self.limits = Limits(least=2, window=10)
            asked, connection = self.begin()
            connection.send(OK + LENGTH + b"\r\n")
            for _ in range(seconds - 1):
                connection.send(b"x" * min(most, 3))
                self.network.reactor.advance(1)
            self.assertNoResult(asked)
            self.network.reactor.advance(1)
            said = self.fails(UpstreamUnavailable, asked, connection)
            self.assertIn("gives too little at a time", said)
            self.network.reactor.advance(60)
            self.assertEqual(self.network.attempts, 0)

    def test_page_that_nobody_wants_is_read_only_where_it_is_short(self) -> None:
        for field, kept in (
            (b"Content-Length: 5\r\n\r\nshort", True),
            (b"Transfer-Encoding: chunked\r\n\r\n5\r\nshort\r\n", False),
            (b"Content-Length: 99999\r\n\r\nlong", False),
            (b"\r\nlong", False),
        ):
            asked, connection = self.begin()
            connection.send(b"HTTP/1.1 404 x\r\n" + field)
            self.assertIsNone(self.successResultOf(asked))
            connection.flush()
            self.assertEqual(connection.peer.lost, not kept)
            self.assertEqual(len(self.open_connections), int(kept))

    def test_drips_in_place_of_a_page_that_nobody_wants(self) -> None:
        for status in (b"404", b"401", b"307", b"503"):
            asked, connection = self.begin()
            connection.send(b"HTTP/1.1 %s x\r\nContent-Length: 9\r\n" % status)
            connection.send(b"Location: http://registry.example/x\r\n\r\n")
            connection.send(b"x")
            self.wait(2)
            connection.flush()
            self.assertTrue(connection.peer.lost)
            self.assertEqual(len(self.open_connections), 0)
            asked.cancel()
            _ = asked.addErrback(lambda _: None)
            self.assertEqual(self.upstream._slots.taken, 0)
            self.network.reactor.tcpClients.clear()


class BlobTests(WireCase):
    def open(self, *pieces: bytes) -> tuple[Any, Connection]:
        """Open a blob."""
        self.make()
        work = Deferred.fromCoroutine(self.upstream.open_blob(ALPINE, DIGEST))
        connection = self.network.accept()
        connection.flush()
        for piece in pieces:
            connection.send(piece)
        opened = self.successResultOf(work)
        assert opened is not None
        return opened.reader, connection

    def test_drips(self) -> None:
        reader, connection = self.open(BLOB_HEAD + b"Content-Length: 99999\r\n\r\n")
        read = Deferred.fromCoroutine(read_all(reader, 1 << 20))
        for _ in range(9):
            connection.send(b"x" * 99)
            self.network.reactor.advance(1)
        self.assertNoResult(read)
        connection.send(b"x" * 99)
        self.network.reactor.advance(1)
        said = self.fails(UpstreamUnavailable, read, connection)
        self.assertIn("gives too little at a time", said)

    def test_drips_are_seen_late_where_nothing_else_moves(self) -> None:
        reader, connection = self.open(BLOB_HEAD + b"Content-Length: 99999\r\n\r\n")
        read = Deferred.fromCoroutine(reader.read(1))
        self.network.reactor.rightNow += 11
        connection.send(b"x")
        self.fails(UpstreamUnavailable, read, connection)

    def test_drips_are_seen_by_who_waits_for_much(self) -> None:
        reader, connection = self.open(BLOB_HEAD + b"Content-Length: 99999\r\n\r\n")
        read = Deferred.fromCoroutine(reader.read_pieces(9999, 9999))
        for _ in range(9):
            connection.send(b"x" * 99)
            self.network.reactor.advance(1)
        self.assertNoResult(read)
        connection.send(b"x" * 99)
        self.network.reactor.advance(1)
        self.fails(UpstreamUnavailable, read, connection)

    def test_what_comes_fast_enough_is_waited_for(self) -> None:
        reader, connection = self.open(BLOB_HEAD + b"Content-Length: 9999\r\n\r\n")
        read = Deferred.fromCoroutine(reader.read_pieces(9999, 9999))
        for _ in range(99):
            connection.send(b"x" * 101)
            self.network.reactor.advance(1)
        pieces = self.successResultOf(read)
        self.assertEqual(sum(map(len, pieces)), 9999)
        self.assertEqual(self.result(reader.read(1)), b"")

    def test_who_reads_slowly_is_no_slow_upstream(self) -> None:
        reader, connection = self.open(
            BLOB_HEAD + b"Content-Length: 100\r\n\r\n" + BLOB
        )
        for _ in range(10):
            self.assertEqual(len(self.result(reader.read(10))), 10)
            self.network.reactor.advance(100)
        self.assertEqual(self.result(reader.read(10)), b"")
        connection.flush()

    def test_chunks_without_an_end(self) -> None:
        self.limits = Limits(largest=500_000)
        reader, connection = self.open(
            BLOB_HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
        )
        read = Deferred.fromCoroutine(read_all(reader, 1 << 30))
        for _ in range(50):
            connection.send(b"10000\r\n" + b"x" * 65536 + b"\r\n")
        said = self.fails(UpstreamWrong, read, connection)
        self.assertIn("more than there can be", said)

    def test_connection_that_ends_is_the_end_where_nothing_else_is_said(self) -> None:
        reader, connection = self.open(BLOB_HEAD + b"\r\n", BLOB)
        connection.close()
        read = Deferred.fromCoroutine(read_all(reader, 1 << 20))
        self.assertEqual(self.successResultOf(read), BLOB)

    def test_connection_that_ends_too_early(self) -> None:
        self.make()
        work = Deferred.fromCoroutine(self.upstream.open_blob(ALPINE, DIGEST, size=101))
        connection = self.network.accept()
        connection.flush()
        connection.send(BLOB_HEAD + b"\r\n" + BLOB)
        connection.close()
        opened = self.successResultOf(work)
        assert opened is not None
        read = Deferred.fromCoroutine(read_all(opened.reader, 1 << 20))
        said = self.fails(UpstreamUnavailable, read, connection)
        self.assertIn("gave 100 bytes in place of 101", said)

    def test_reader_that_is_closed_ends_the_connection(self) -> None:
        reader, connection = self.open(BLOB_HEAD + b"Content-Length: 99\r\n\r\nx")
        self.result(reader.close())
        connection.flush()
        self.assertTrue(connection.peer.lost)
        self.assertEqual(len(self.open_connections), 0)
        self.assertEqual(self.upstream._blob_slots.taken, 0)
