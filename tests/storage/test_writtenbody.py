"""Tests of ``WrittenBody``: requests whose bodies are written as they are sent."""

from twisted.internet.defer import Deferred
from twisted.internet.testing import StringTransport
from twisted.trial.unittest import SynchronousTestCase

from tests.storage.playing import SILENT, PlayedCase, Reply
from txregistry.storage.remote import Answer, Request
from txregistry.storage.remotebody import Faltered
from txregistry.storage.requestbody import WrittenBody


async def status(answer: Answer) -> int:
    """Take the status."""
    return answer.status


class SendingTests(PlayedCase):
    def send(self, *replies: Reply) -> tuple[WrittenBody, Deferred[int]]:
        """Begin a request."""
        body = WrittenBody()
        server = self.play(*replies)
        request = Request("The store", "PUT", "http://host/path", {}, body)
        done = Deferred.fromCoroutine(server.ask(lambda: request, status))
        return body, done

    def write(self, body: WrittenBody, data: bytes) -> bool:
        """Write some bytes."""
        return self.successResultOf(Deferred.fromCoroutine(body.write(data)))

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        for _ in range(int(seconds * 4)):
            self.agent.flush()
            self.clock.advance(0.25)

    def test_is_sent_in_pieces(self) -> None:
        body, done = self.send(Reply(201))
        self.assertTrue(self.write(body, b"one"))
        self.assertTrue(self.write(body, b"two"))
        self.assertNoResult(done)
        body.finish()
        self.wait(1)
        self.assertEqual(self.successResultOf(done), 201)
        self.assertEqual(self.agent.asked[0].body, b"onetwo")

    def test_who_writes_may_take_long(self) -> None:
        body, done = self.send(Reply(201))
        for _ in range(3):
            self.write(body, b"x")
            self.wait(300)
        body.finish()
        self.wait(1)
        self.assertEqual(self.successResultOf(done), 201)

    def test_the_server_may_not(self) -> None:
        body, done = self.send(SILENT, Reply(201))
        self.write(body, b"x")
        body.finish()
        self.wait(70)
        self.assertIn("did not answer", str(self.failureResultOf(done, Faltered).value))
        self.assertEqual(self.agent.left, 1)  # it cannot be made again
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_nothing_can_be_written_after_its_end(self) -> None:
        body, done = self.send(Reply(201))
        body.finish()
        body.finish()
        self.assertFalse(self.write(body, b"x"))
        self.wait(1)
        self.assertEqual(self.successResultOf(done), 201)


class BackpressureTests(SynchronousTestCase):
    def test_waits_while_there_is_no_room(self) -> None:
        body, transport = WrittenBody(), StringTransport()
        first = Deferred.fromCoroutine(body.write(b"1"))
        self.assertNoResult(first)  # there is no connection yet
        self.assertTrue(body.waits_for_server)
        _ = body.startProducing(transport)
        self.assertTrue(self.successResultOf(first))
        self.assertFalse(body.waits_for_server)
        body.pauseProducing()
        second = Deferred.fromCoroutine(body.write(b"2"))
        self.assertNoResult(second)
        self.assertEqual(transport.value(), b"1")
        body.resumeProducing()
        self.assertTrue(self.successResultOf(second))
        self.assertEqual(transport.value(), b"12")

    def test_who_waits_is_told_when_nobody_wants_more(self) -> None:
        body, transport = WrittenBody(), StringTransport()
        _ = body.startProducing(transport)
        body.pauseProducing()
        waiting = Deferred.fromCoroutine(body.write(b"1"))
        body.stopProducing()
        self.assertFalse(self.successResultOf(waiting))
