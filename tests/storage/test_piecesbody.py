"""Tests of `PiecesBody` in ``txregistry/storage/requestbody.py``."""

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IConsumer
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.iweb import IBodyProducer
from zope.interface import implementer
from zope.interface.verify import verifyObject

from tests.storage.playing import SILENT, PlayedCase, Reply
from txregistry.storage.interfaces import StorageUnavailable
from txregistry.storage.remote import Answer, Request
from txregistry.storage.requestbody import PiecesBody

PIECES = (b"one", b"two", b"three")


@implementer(IConsumer)
class Consumer:
    """Take so many pieces, and then let the producer pause."""

    def __init__(self, most: int) -> None:
        self.taken: list[bytes] = []
        self.most = most
        self.body = PiecesBody(PIECES)

    def write(self, data: bytes) -> None:
        """See ``IConsumer``."""
        self.taken.append(data)
        if len(self.taken) >= self.most:
            self.body.pauseProducing()

    def registerProducer(self, producer: object, streaming: bool) -> None:  # noqa: FBT001
        """See ``IConsumer``."""

    def unregisterProducer(self) -> None:
        """See ``IConsumer``."""


class PiecesBodyTests(SynchronousTestCase):
    def test_interface(self) -> None:
        body = PiecesBody(PIECES)
        self.assertTrue(verifyObject(IBodyProducer, body))
        self.assertEqual(body.length, 11)

    def test_all_is_sent_in_order(self) -> None:
        consumer = Consumer(99)
        self.successResultOf(consumer.body.startProducing(consumer))
        self.assertEqual(tuple(consumer.taken), PIECES)

    def test_nothing_is_sent(self) -> None:
        self.successResultOf(PiecesBody(()).startProducing(Consumer(1)))

    def test_it_waits_for_who_takes_it(self) -> None:
        consumer = Consumer(1)
        done = consumer.body.startProducing(consumer)
        moves = consumer.body.moves
        self.assertNoResult(done)
        self.assertEqual(consumer.taken, [b"one"])
        consumer.most = 99
        consumer.body.resumeProducing()
        self.successResultOf(done)
        self.assertGreater(consumer.body.moves, moves)
        self.assertEqual(tuple(consumer.taken), PIECES)

    def test_who_stops_it_hears_no_more(self) -> None:
        consumer = Consumer(1)
        done = consumer.body.startProducing(consumer)
        consumer.body.stopProducing()
        consumer.body.resumeProducing()
        self.assertNoResult(done)
        self.assertEqual(consumer.taken, [b"one"])

    def test_what_is_cancelled_goes_on_no_more(self) -> None:
        consumer = Consumer(1)
        done = consumer.body.startProducing(consumer)
        done.cancel()
        consumer.body.resumeProducing()
        self.failureResultOf(done, CancelledError)
        self.assertEqual(consumer.taken, [b"one"])


class SendingTests(PlayedCase):
    async def send(self, *replies: Reply) -> int:
        """Send the pieces, and give the status."""

        async def take(answer: Answer) -> int:
            return answer.status

        def make() -> Request:
            return Request("The store", "PUT", "http://host/", {}, PiecesBody(PIECES))

        return await self.play(*replies).ask(make, take)

    def test_the_body_arrives(self) -> None:
        self.assertEqual(self.result(self.send(Reply(201))), 201)
        asked = self.agent.asked[0]
        self.assertEqual(asked.body, b"onetwothree")
        self.assertEqual(asked.header("Content-Length"), "11")

    def test_it_is_sent_again(self) -> None:
        self.assertEqual(self.result(self.send(SILENT, Reply(503), Reply(201))), 201)
        self.assertEqual({asked.body for asked in self.agent.asked}, {b"onetwothree"})

    def test_no_answer_to_it(self) -> None:
        said = self.fault(StorageUnavailable, self.send(*[SILENT] * 4))
        self.assertEqual(said, "The store did not answer in 30 s")

    def test_no_timer_is_left(self) -> None:
        self.result(self.send(Reply(201)))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_who_gives_up(self) -> None:
        done = Deferred.fromCoroutine(self.send(SILENT))
        self.agent.flush()
        done.cancel()
        self.failureResultOf(done, CancelledError)
        self.assertEqual(self.clock.getDelayedCalls(), [])
