"""Tests of ``txregistry/ssh/pipes.py``."""

import os

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from txregistry.ssh.pipes import PipeExchange
from txregistry.streams import BytesReader
from txregistry.tasks import at_once

DATA = bytes(range(256)) * 8


class PipeTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.clock = Clock()
        self.source, self.feed = os.pipe()
        self.drain, self.target = os.pipe()
        self.open = {self.source, self.feed, self.drain, self.target}
        self.addCleanup(self.close_all)
        self.exchange = PipeExchange(self.source, self.target, self.clock, at_once)

    def close_all(self) -> None:
        """Close what is open."""
        for each in set(self.open):
            self.close(each)

    def close(self, descriptor: int) -> None:
        """Close one of the ends."""
        self.open.discard(descriptor)
        os.close(descriptor)

    def test_takes_what_is_sent(self) -> None:
        os.write(self.feed, DATA)
        self.close(self.feed)
        reader = self.exchange.receive()

        async def read() -> bytes:
            found = b""
            while data := await reader.read(700):
                found += data
            await reader.close()
            return found

        self.assertEqual(self.successResultOf(Deferred.fromCoroutine(read())), DATA)
        self.assertEqual(self.exchange.received, len(DATA))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_sends_what_there_is(self) -> None:
        sending = Deferred.fromCoroutine(self.exchange.send(BytesReader(DATA)))
        self.successResultOf(sending)
        self.assertEqual(os.read(self.drain, 1 << 16), DATA)
        self.assertEqual(self.exchange.sent, len(DATA))
        self.assertEqual(self.clock.getDelayedCalls(), [])

    def test_who_takes_nothing_any_more_is_gone(self) -> None:
        self.close(self.drain)
        sending = Deferred.fromCoroutine(self.exchange.send(BytesReader(DATA)))
        self.failureResultOf(sending, CancelledError)

    def test_who_waits_can_be_interrupted(self) -> None:
        self.exchange.interrupt()
        reader = self.exchange.receive()
        reading = Deferred.fromCoroutine(reader.read(10))
        self.failureResultOf(reading, CancelledError)

    def test_a_client_may_take_its_time_but_not_for_ever(self) -> None:
        waiting: list[Deferred[bytes]] = []

        def blocking(work: object, /, *args: object, **kwargs: object) -> object:
            """Wait, as a thread does for a pipe."""
            del work, args, kwargs
            waiting.append(Deferred())
            return waiting[-1]

        exchange = PipeExchange(
            self.source,
            self.target,
            self.clock,
            blocking,  # type: ignore[arg-type]  # as far as it is of use
            idle=10.0,
        )
        reader = exchange.receive()
        _ = Deferred.fromCoroutine(reader.read(10)).addErrback(lambda _: None)
        interrupted = exchange._interruption.fileno()
        os.set_blocking(interrupted, False)
        self.clock.advance(9)
        self.assertRaises(BlockingIOError, os.read, interrupted, 1)
        self.clock.advance(1)
        self.assertEqual(os.read(interrupted, 1), b"!")
        waiting[0].callback(b"")
