"""Tests of ``txregistry/storage/remotebody.py``."""

from collections.abc import Awaitable, Callable

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.error import ConnectionLost
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.trial.unittest import SynchronousTestCase
from twisted.web.client import ResponseDone, ResponseFailed

from txregistry.storage.interfaces import StorageUnavailable
from txregistry.storage.remotebody import Faltered, RemoteBody
from txregistry.streams import CHUNK

ALL = 1 << 20


class RemoteBodyTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.transport = StringTransport()
        self.body = self.make(None)

    def make(self, expected: int | None) -> RemoteBody:
        """Make a body that has its connection."""
        body = RemoteBody("The store", expected, self.clock, 30.0)
        body.makeConnection(self.transport)
        return body

    def end(self, body: RemoteBody) -> None:
        """Let everything have come."""
        body.connectionLost(Failure(ResponseDone()))

    def start(self, read: Callable[[int], Awaitable[bytes]]) -> Deferred[bytes]:
        """Begin to read."""

        async def reading() -> bytes:
            return await read(ALL)

        return Deferred.fromCoroutine(reading())

    def read(self, body: RemoteBody) -> bytes:
        """Read what is there."""
        return self.successResultOf(self.start(body.read))

    def test_the_server_waits_while_nobody_reads(self) -> None:
        piece = b"x" * 65536
        for _ in range(CHUNK // len(piece)):
            self.assertEqual(self.transport.producerState, "producing")
            self.body.dataReceived(piece)
        self.assertEqual(self.transport.producerState, "paused")

    def test_the_server_goes_on_when_more_is_wanted(self) -> None:
        self.body.dataReceived(b"x" * CHUNK)
        self.assertEqual(len(self.read(self.body)), CHUNK)
        waiting = self.start(self.body.read)
        self.assertEqual(self.transport.producerState, "producing")
        self.body.dataReceived(b"y")
        self.assertEqual(self.successResultOf(waiting), b"y")

    def test_what_is_read_in_pieces_is_as_it_came(self) -> None:
        self.body.dataReceived(b"012")
        self.body.dataReceived(b"345")

        async def pieces() -> list[list[bytes]]:
            return [await self.body.read_pieces(4), await self.body.read_pieces(9)]

        self.assertEqual(
            self.successResultOf(Deferred.fromCoroutine(pieces())),
            [[b"012", b"3"], [b"45"]],
        )

    def test_a_reader_may_wait_for_more(self) -> None:
        done = Deferred.fromCoroutine(self.body.read_pieces(99, least=4))
        self.body.dataReceived(b"012")
        self.assertNoResult(done)
        self.body.dataReceived(b"345")
        self.assertEqual(self.successResultOf(done), [b"012", b"345"])

    def test_more_than_is_kept_is_not_waited_for(self) -> None:
        done = Deferred.fromCoroutine(self.body.read_pieces(ALL, least=ALL))
        self.body.dataReceived(b"x" * CHUNK)
        self.assertEqual(self.successResultOf(done), [b"x" * CHUNK])

    def test_the_end_comes_before_what_was_waited_for(self) -> None:
        done = Deferred.fromCoroutine(self.body.read_pieces(99, least=4))
        self.body.dataReceived(b"012")
        self.end(self.body)
        self.assertEqual(self.successResultOf(done), [b"012"])

    def test_a_failure_comes_after_what_came_before_it(self) -> None:
        done = Deferred.fromCoroutine(self.body.read_pieces(99, least=4))
        self.body.dataReceived(b"012")
        self.body.connectionLost(Failure(ResponseFailed([Failure(ConnectionLost())])))
        self.assertEqual(self.successResultOf(done), [b"012"])
        self.failureResultOf(self.start(self.body.read), Faltered)

    def test_fewer_bytes_than_expected_are_no_end(self) -> None:
        body = self.make(4)
        body.dataReceived(b"012")
        self.end(body)
        self.read(body)
        self.failureResultOf(self.start(body.read), Faltered)

    def test_more_bytes_than_expected_are_no_end(self) -> None:
        body = self.make(2)
        body.dataReceived(b"012")
        self.end(body)
        self.read(body)
        self.failureResultOf(self.start(body.read), Faltered)

    def test_a_size_that_is_known_only_after_the_end(self) -> None:
        self.body.dataReceived(b"012")
        self.end(self.body)
        self.body.expect(3)
        self.assertEqual(self.read(self.body), b"012")
        self.body.expect(4)
        self.failureResultOf(self.start(self.body.read), Faltered)

    def test_an_end_that_only_the_connection_tells_is_none(self) -> None:
        waiting = self.start(self.body.read)
        self.body.connectionLost(Failure(ResponseFailed([Failure(ConnectionLost())])))
        self.failureResultOf(waiting, Faltered)

    def test_a_reader_waits_only_so_long(self) -> None:
        waiting = self.start(self.body.read)
        self.clock.advance(29.9)
        self.assertNoResult(waiting)
        self.clock.advance(0.1)
        self.failureResultOf(waiting, Faltered)
        self.assertEqual(self.transport.producerState, "stopped")

    def test_a_body_that_goes_on_slowly_does_not_stand_still(self) -> None:
        waiting = Deferred.fromCoroutine(self.body.read_pieces(99, least=4))
        for _ in range(3):
            self.clock.advance(29.9)
            self.body.dataReceived(b"0")
        self.clock.advance(29.9)
        self.assertNoResult(waiting)
        self.clock.pump([30.0] * 2)
        self.failureResultOf(waiting, Faltered)

    def test_nobody_waits_while_nobody_reads(self) -> None:
        self.body.dataReceived(b"0")
        self.clock.advance(3600)
        self.assertEqual(self.read(self.body), b"0")
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_what_is_closed_in_the_middle_costs_the_connection(self) -> None:
        self.body.dataReceived(b"0")
        self.successResultOf(Deferred.fromCoroutine(self.body.close()))
        self.assertEqual(self.transport.producerState, "stopped")

    def test_what_was_read_to_its_end_does_not(self) -> None:
        self.end(self.body)
        self.successResultOf(Deferred.fromCoroutine(self.body.close()))
        self.assertEqual(self.transport.producerState, "producing")

    def test_nothing_is_kept_of_what_comes_after_it_was_closed(self) -> None:
        self.successResultOf(Deferred.fromCoroutine(self.body.close()))
        self.body.dataReceived(b"0")
        self.failureResultOf(self.start(self.body.read), StorageUnavailable)

    def test_who_is_cancelled_can_read_again(self) -> None:
        waiting = self.start(self.body.read)
        waiting.cancel()
        self.failureResultOf(waiting, CancelledError)
        self.body.dataReceived(b"0")
        self.assertEqual(self.read(self.body), b"0")
