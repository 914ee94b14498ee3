"""Tests of ``txregistry/client/index.py`` and an Index that misbehaves."""

from typing import Final

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionRefusedError as Refused
from twisted.logger import capturedLogs
from twisted.trial.unittest import SynchronousTestCase

from tests.client.network import Connection, Network
from txregistry.client.agent import make_agent
from txregistry.client.index import ForeignIndex
from txregistry.model.errors import Unauthorized, Unavailable
from txregistry.model.names import RepositoryName

WEB: Final = RepositoryName("acme/web")
HEADER: Final = 'Token signature=k7Q,repository="acme/web",access=read'
IDS: Final = frozenset({"b" * 64, "7" * 64})
LIST: Final = b'[{"id": "%s"}, {"id": "%s"}]' % (b"b" * 64, b"7" * 64)


def answer(body: bytes, status: bytes = b"200 OK", more: bytes = b"") -> bytes:
    """Write an answer."""
    head = b"HTTP/1.1 %s\r\nContent-Length: %d\r\n%s\r\n" % (status, len(body), more)
    return head + body


class TroubleTestCase(SynchronousTestCase):
    """Ask an Index that answers what, and when, one says."""

    def setUp(self) -> None:
        self.network = Network()
        self.clock = self.network.reactor
        agent = make_agent(
            self.clock, trust=None, client_certificate=None, connect_timeout=5
        )
        self.index = ForeignIndex(
            "http://index.example", agent, self.clock, timeout=10, keep=5
        )

    def ask(self) -> Deferred[frozenset[str]]:
        """Ask for images."""
        return Deferred.fromCoroutine(self.index.images(WEB, HEADER))

    def unavailable(self, asked: Deferred[frozenset[str]]) -> None:
        """Expect the client to be told no more than that."""
        error = self.failureResultOf(asked, Unavailable).value
        self.assertEqual(
            error.message, "The Index cannot be asked at present; try again later."
        )

    def reached(self) -> tuple[Deferred[frozenset[str]], Connection]:
        """Ask for images, and let the Index have the question."""
        asked = self.ask()
        connection = self.network.accept()
        self.assertIn(b"\r\n\r\n", connection.peer.received)
        return asked, connection


class TroubleTests(TroubleTestCase):
    def test_answer_may_come_in_pieces(self) -> None:
        asked, connection = self.reached()
        for byte in answer(LIST):
            connection.send(bytes([byte]))
        self.assertEqual(self.successResultOf(asked), IDS)

    def test_answer_may_end_with_its_connection(self) -> None:
        asked, connection = self.reached()
        connection.send(b"HTTP/1.0 200 OK\r\n\r\n" + LIST)
        self.assertNoResult(asked)
        connection.close()
        self.assertEqual(self.successResultOf(asked), IDS)

    def test_cut_that_nothing_else_tells_is_no_answer(self) -> None:
        asked, connection = self.reached()
        connection.send(b"HTTP/1.0 200 OK\r\n\r\n" + LIST[:-1])
        connection.close()
        self.unavailable(asked)

    def test_connection_that_is_refused(self) -> None:
        asked = self.ask()
        self.network.refuse(Refused())
        self.unavailable(asked)

    def test_connection_that_is_lost_at_once(self) -> None:
        asked, connection = self.reached()
        connection.close()
        self.unavailable(asked)

    def test_head_that_is_cut(self) -> None:
        asked, connection = self.reached()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-")
        connection.close()
        self.unavailable(asked)

    def test_body_that_is_cut(self) -> None:
        asked, connection = self.reached()
        connection.send(answer(LIST)[:-1])
        connection.close()
        self.unavailable(asked)

    def test_chunks_that_are_cut(self) -> None:
        asked, connection = self.reached()
        head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection.send(head + b"%x\r\n%s\r\n" % (len(LIST), LIST))
        connection.close()
        self.unavailable(asked)

    def test_refusal_that_is_cut_is_no_answer(self) -> None:
        asked, connection = self.reached()
        connection.send(answer(b"{}", b"404 Not Found")[:-1])
        connection.close()
        self.unavailable(asked)

    def test_length_that_is_too_small(self) -> None:
        asked, connection = self.reached()
        head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (len(LIST) - 1)
        connection.send(head + LIST)
        self.unavailable(asked)

    def test_what_is_no_http(self) -> None:
        for rubbish in (
            b"SSH-2.0-x\r\n",
            b"\0" * 1000,
            b"HTTP/1.1 abc\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: rubbish\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        ):
            asked, connection = self.reached()
            connection.send(rubbish)
            connection.close()
            self.unavailable(asked)

    def test_huge_body_is_told_by_its_length(self) -> None:
        asked, connection = self.reached()
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4194305\r\n\r\n")
        self.unavailable(asked)
        self.assertTrue(connection.peer.lost)

    def test_huge_body_is_read_no_further_than_its_limit(self) -> None:
        asked, connection = self.reached()
        connection.send(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(4):
            self.assertNoResult(asked)
            connection.send(b" " * (1 << 20))
        self.assertNoResult(asked)
        connection.send(b" ")
        self.unavailable(asked)
        self.assertTrue(connection.peer.lost)

    def test_huge_refusal_is_dropped_too(self) -> None:
        asked, connection = self.reached()
        connection.send(b"HTTP/1.1 403 No\r\nContent-Length: 4194305\r\n\r\n")
        self.unavailable(asked)
        self.assertTrue(connection.peer.lost)

    def test_connection_that_does_not_come_about_has_its_time(self) -> None:
        asked = self.ask()
        self.clock.advance(10)
        self.unavailable(asked)

    def test_answer_that_does_not_come_has_its_time(self) -> None:
        asked, connection = self.reached()
        self.clock.advance(9.9)
        self.assertNoResult(asked)
        self.clock.advance(0.1)
        self.unavailable(asked)
        connection.flush()
        self.assertTrue(connection.peer.lost)

    def test_slow_body_has_the_same_time(self) -> None:
        asked, connection = self.reached()
        connection.send(answer(LIST)[:-10])
        for _ in range(9):
            connection.send(LIST[-10:-9])
            self.clock.advance(1)
        self.assertNoResult(asked)
        self.clock.advance(1)
        self.unavailable(asked)
        connection.flush()
        self.assertTrue(connection.peer.lost)

    def test_no_timer_is_left_after_an_answer(self) -> None:
        asked, connection = self.reached()
        connection.send(answer(LIST, more=b"Connection: close\r\n"))
        self.successResultOf(asked)
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_reason_is_logged_without_a_secret(self) -> None:
        with capturedLogs() as events:
            asked, connection = self.reached()
            connection.send(answer(b"oops k7Q", b"500 Oops"))
            self.unavailable(asked)
        told = [event for event in events if "reason" in event]
        self.assertEqual(len(told), 1)
        self.assertIn("status 500", told[0]["reason"])
        self.assertIn("/v1/repositories/acme/web/images", told[0]["url"])
        self.assertNotIn("k7Q", str(told[0]))


class TogetherTests(TroubleTestCase):
    def test_same_question_is_asked_once(self) -> None:
        first, connection = self.reached()
        second = self.ask()
        self.assertEqual(self.network.attempts, 0)
        connection.send(answer(LIST))
        self.assertEqual(self.successResultOf(first), IDS)
        self.assertEqual(self.successResultOf(second), IDS)

    def test_failure_is_for_all_who_asked(self) -> None:
        first, connection = self.reached()
        second = self.ask()
        connection.send(answer(b"", b"503 Later"))
        self.unavailable(first)
        self.unavailable(second)

    def test_who_leaves_does_not_stop_it(self) -> None:
        first, connection = self.reached()
        second = self.ask()
        first.cancel()
        self.failureResultOf(first, CancelledError)
        connection.send(answer(LIST))
        self.assertEqual(self.successResultOf(second), IDS)

    def test_other_question_is_asked_at_the_same_time(self) -> None:
        first, one = self.reached()
        second = Deferred.fromCoroutine(self.index.images(WEB, "Token other"))
        other = self.network.accept()
        other.send(answer(b"", b"401 No"))
        self.failureResultOf(second, Unauthorized)
        one.send(answer(LIST))
        self.assertEqual(self.successResultOf(first), IDS)

    def test_connection_is_used_again(self) -> None:
        first, connection = self.reached()
        connection.send(answer(LIST))
        self.successResultOf(first)
        self.clock.advance(5)
        second = self.ask()
        self.assertEqual(self.network.attempts, 0)
        connection.flush()
        connection.send(answer(b"[]"))
        self.assertEqual(self.successResultOf(second), frozenset())

    def test_connection_that_was_closed_meanwhile_is_not_trusted(self) -> None:
        first, connection = self.reached()
        connection.send(answer(LIST))
        self.successResultOf(first)
        connection.close()
        self.clock.advance(5)
        second, another = self.reached()
        another.send(answer(b"[]"))
        self.assertEqual(self.successResultOf(second), frozenset())
