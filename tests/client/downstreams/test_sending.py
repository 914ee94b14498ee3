"""Tests of ``txregistry/client/downstreams/sending.py``: what is read to be sent."""

from typing import Any

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IConsumer
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IBodyProducer
from zope.interface import implementer

from tests.client.downstreams.case import (
    APP,
    DATA,
    DIGEST,
    SIZE,
    UPLOAD,
    DownstreamCase,
    accepted,
    created,
)
from tests.client.upstreams.case import (
    HOME,
    NAME,
)
from tests.storage.playing import SILENT
from txregistry.client.downstreams.interfaces import Shortened
from txregistry.client.downstreams.making import assemble
from txregistry.client.upstreams.terms import Terms
from txregistry.streams import CHUNK, IReader
from txregistry.tasks import at_once


@implementer(IReader)
class Breaking:
    """Give some bytes, and then a failure or the end.

    Args:
        data: The bytes.
        fault: The failure; None for the end.
    """

    def __init__(self, data: bytes, fault: Exception | None) -> None:
        self.closed = 0
        self._data = data
        self._fault = fault

    async def open(self, start: int) -> IReader:
        """Open it."""
        del start
        return self

    async def read(self, limit: int) -> bytes:
        """See `IReader`."""
        del limit
        data, self._data = self._data, b""
        if not data and self._fault is not None:
            raise self._fault
        return data

    async def close(self) -> None:
        """See `IReader`."""
        self.closed += 1


class ReadingTests(DownstreamCase):
    def breaks(self, reader: Breaking) -> Deferred[None]:
        """Push what a reader gives."""
        self.give(accepted(), created())
        pushed = self.downstream.push_blob(APP, DIGEST, SIZE, reader.open)
        return self.settle(pushed)

    def test_failure_to_read_is_told(self) -> None:
        reader = Breaking(DATA[:40], KeyError("x"))
        self.failureResultOf(self.breaks(reader), KeyError)
        self.assertEqual(reader.closed, 1)
        self.assert_let_go()

    def test_blob_that_is_too_short(self) -> None:
        reader = Breaking(DATA[:40], None)
        self.failureResultOf(self.breaks(reader), Shortened)
        self.assertEqual(reader.closed, 1)
        self.assert_let_go()

    def test_failure_to_open(self) -> None:
        self.give(accepted())

        async def fail(start: int) -> IReader:
            raise KeyError(start)

        pushed = self.downstream.push_blob(APP, DIGEST, SIZE, fail)
        self.failureResultOf(self.settle(pushed), KeyError)
        self.assert_let_go()

    def test_who_leaves_leaves_nothing(self) -> None:
        self.give(accepted(), SILENT)
        reader = Breaking(DATA, None)
        pushed = Deferred.fromCoroutine(
            self.downstream.push_blob(APP, DIGEST, SIZE, reader.open)
        )
        self.agent.flush()
        self.clock.advance(1)
        pushed.cancel()
        self.failureResultOf(pushed)
        self.assertEqual(reader.closed, 1)
        self.assert_let_go()


@implementer(IReader)
class _Endless:
    """Give zeros, and count them."""

    def __init__(self) -> None:
        self.given = 0

    async def open(self, start: int) -> IReader:
        """Open it."""
        del start
        return self

    async def read(self, limit: int) -> bytes:
        """See `IReader`."""
        self.given += limit
        return bytes(limit)

    async def close(self) -> None:
        """See `IReader`."""


class _Accepted:
    """The answer to who begins a session."""

    code = 202
    length = 0

    def __init__(self) -> None:
        self.headers = Headers({"location": [UPLOAD]})

    def deliverBody(self, protocol: Any) -> None:  # noqa: N802 - Twisted's name
        """See ``IResponse``."""
        protocol.makeConnection(StringTransport())
        protocol.connectionLost(Failure(ResponseDone()))


@implementer(IAgent, IConsumer)
class _Slow:
    """Begin a session, and take the next body a piece at a time, when one says so."""

    def __init__(self) -> None:
        self.body: Any = None
        self.taken = 0

    def request(
        self,
        method: bytes,
        uri: bytes,
        headers: Headers | None = None,
        bodyProducer: IBodyProducer | None = None,
    ) -> Deferred[Any]:
        """See ``IAgent``."""
        del uri, headers
        if method == b"POST":
            return succeed(_Accepted())
        self.body = bodyProducer
        _ = self.body.startProducing(self)
        return Deferred()

    def write(self, data: bytes) -> None:
        """See ``IConsumer``."""
        self.taken += len(data)
        self.body.pauseProducing()

    def registerProducer(self, producer: Any, streaming: bool) -> None:  # noqa: FBT001
        """See ``IConsumer``: bodies are theirs who make requests."""

    def unregisterProducer(self) -> None:
        """See ``IConsumer``."""


class BackpressureTests(DownstreamCase):
    def test_no_more_is_read_than_is_taken(self) -> None:
        agent, source = _Slow(), _Endless()
        clock = Clock()
        downstream = assemble(Terms(NAME, HOME), agent, clock, at_once)
        pushed = Deferred.fromCoroutine(
            downstream.push_blob(APP, DIGEST, 1 << 40, source.open)
        )
        for count in range(1, 100):
            self.assertEqual(agent.taken, count * CHUNK)
            self.assertLessEqual(source.given, (count + 1) * CHUNK)
            agent.body.resumeProducing()
        self.assertNoResult(pushed)
        pushed.cancel()
        self.failureResultOf(pushed)
        self.assertEqual(clock.getDelayedCalls(), [])
