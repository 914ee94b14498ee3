"""Bodies of requests: bytes, and what somebody writes while they are sent."""

from collections.abc import Callable, Sequence

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IConsumer, IReactorTime
from twisted.web.iweb import UNKNOWN_LENGTH, IBodyProducer
from zope.interface import implementer


@implementer(IBodyProducer)
class BytesBody:
    """Send what is in memory."""

    def __init__(self, data: bytes) -> None:
        self.length = len(data)
        self._data = data

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        """See ``IBodyProducer``."""
        consumer.write(self._data)
        return succeed(None)

    def pauseProducing(self) -> None:
        """See ``IPushProducer``: all is written by then."""

    def resumeProducing(self) -> None:
        """See ``IPushProducer``."""

    def stopProducing(self) -> None:
        """See ``IProducer``."""


@implementer(IBodyProducer)
class PiecesBody:
    """Send many pieces that are in memory, without joining them, as they are taken.

    Attributes:
        moves: How often it got ahead.
        ended: Whether nothing more can be written.
    """

    waits_for_server = True
    """Whether it is the server's turn: it always is."""

    def __init__(self, pieces: Sequence[bytes]) -> None:
        self.length = sum(map(len, pieces))
        self.moves = 0
        self._left = list(reversed(pieces))
        self._consumer: IConsumer | None = None
        self._paused = False
        self._done: Deferred[None] = Deferred(lambda _: self.stopProducing())

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        """See ``IBodyProducer``."""
        self._consumer = consumer
        self._go_on()
        return self._done

    def pauseProducing(self) -> None:
        """See ``IPushProducer``."""
        self._paused = True

    def resumeProducing(self) -> None:
        """See ``IPushProducer``."""
        self._paused = False
        self._go_on()

    def stopProducing(self) -> None:
        """See ``IProducer``: nobody wants more."""
        self._consumer = None
        self._left.clear()

    def _go_on(self) -> None:
        while self._consumer is not None and not self._paused:
            self.moves += 1
            if not self._left:
                self._consumer = None
                self._done.callback(None)
                return
            self._consumer.write(self._left.pop())


@implementer(IBodyProducer)
class WrittenBody:
    """Send what is written to it, of whatever length, no faster than it is taken.

    A request with it can be made once. Who breaks it off cancels the request: then the
    server has no whole body.

    Args:
        length: How many bytes will be written; not known, if it is not given.

    Attributes:
        length: As above.
        moves: How often it got ahead.
        ended: Whether nothing more can be written.
    """

    def __init__(self, length: int | str = UNKNOWN_LENGTH) -> None:
        self.length = length
        self.moves = 0
        self._consumer: IConsumer | None = None
        self._pause: Deferred[None] | None = Deferred()
        self._done: Deferred[None] = Deferred()
        self.ended = False

    @property
    def waits_for_server(self) -> bool:
        """Whether it is the server's turn; otherwise nothing is there to be sent."""
        return self._pause is not None or self.ended

    async def write(self, data: bytes) -> bool:
        """Send some bytes, as soon as there is room.

        Returns:
            Whether they were sent; they are not when the request has ended.
        """
        while self._pause is not None and not self.ended:
            await self._pause
        if self.ended or self._consumer is None:
            return False
        self.moves += 1
        self._consumer.write(data)
        return True

    def finish(self) -> None:
        """Let what was written be all; harmless the second time."""
        if not self.ended:
            self._stop()
            self._done.callback(None)

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        """See ``IBodyProducer``."""
        self._consumer = consumer
        self.resumeProducing()
        return self._done

    def pauseProducing(self) -> None:
        """See ``IPushProducer``."""
        self._pause = self._pause or Deferred()

    def resumeProducing(self) -> None:
        """See ``IPushProducer``."""
        self.moves += 1
        pause, self._pause = self._pause, None
        if pause is not None:
            pause.callback(None)

    def stopProducing(self) -> None:
        """See ``IProducer``: nobody wants more."""
        self._stop()

    def _stop(self) -> None:
        if not self.ended:
            self.ended = True
            self.resumeProducing()


class Deadline:
    """Break a request off when the server does nothing about it for too long.

    While a body that is written as it is sent waits for its writer, there is none.
    """

    def __init__(
        self,
        clock: IReactorTime,
        seconds: float,
        pass_: Callable[[], object],
        body: BytesBody | PiecesBody | WrittenBody | None,
    ) -> None:
        self.passed = False
        self._clock = clock
        self._seconds = seconds
        self._pass = pass_
        self._body = None if isinstance(body, BytesBody) else body
        self._set()

    def lift(self) -> None:
        """Let there be none any more."""
        if self._call.active():
            self._call.cancel()

    def _set(self) -> None:
        self._moves = 0 if self._body is None else self._body.moves
        self._call = self._clock.callLater(self._seconds, self._look)

    def _look(self) -> None:
        body = self._body
        if body is not None and not (
            body.waits_for_server and body.moves == self._moves
        ):
            self._set()
            return
        self.passed = True
        self._pass()
