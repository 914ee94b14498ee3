"""Part of a blob as the body of a request, sent no faster than it is taken."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from txregistry.client.downstreams.interfaces import Shortened
from txregistry.client.upstreams.answers import Answer
from txregistry.client.upstreams.asking import Asking, Question
from txregistry.storage.requestbody import WrittenBody
from txregistry.streams import CHUNK, IReader, read_pieces

T = TypeVar("T")


class Sending:
    """Ask a registry something with the bytes of a reader.

    Args:
        asking: Asks it.
    """

    def __init__(self, asking: Asking) -> None:
        self._asking = asking

    async def ask(
        self,
        question: Question,
        reader: IReader,
        size: int,
        take: Callable[[Answer], Awaitable[T]],
    ) -> T:
        """Ask, once.

        Args:
            question: What, but for its body.
            reader: Gives the body; it is closed at the end.
            size: The body's bytes; the reader may give more.
            take: As for `Asking.ask`.

        Raises:
            Shortened: the reader gave fewer bytes.
            Exception: whatever the reader raises.
        """
        body = WrittenBody(size)
        streamed = replace(question, body=lambda: body, once=True, works=True)
        failures: list[Failure] = []

        def fail(failure: Failure) -> None:
            failures.append(failure)
            asked.cancel()

        asked = Deferred.fromCoroutine(self._asking.ask(streamed, take))
        feeding = Deferred.fromCoroutine(_feed(body, reader, size))
        _ = feeding.addErrback(fail)
        try:
            return await asked
        except CancelledError:
            if failures:
                failures[0].raiseException()
            raise
        finally:
            feeding.cancel()


async def _feed(body: WrittenBody, reader: IReader, size: int) -> None:
    """Write what a reader gives, until nobody wants it any more.

    Raises:
        Shortened: that is too little.
    """
    left = size
    try:
        while left > 0:
            pieces = await read_pieces(reader, min(left, CHUNK))
            if not pieces:
                raise Shortened
            for piece in pieces:
                if not await body.write(piece):
                    return
                left -= len(piece)
        body.finish()
    finally:
        await reader.close()
