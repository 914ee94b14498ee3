"""Bodies of answers, read no further than they can be right."""

from collections.abc import Callable
from contextlib import suppress
from typing import Final

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.defer import TimeoutError as Late
from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer

from txregistry.client.upstreams.answers import Answer
from txregistry.client.upstreams.bodies import UpstreamBody
from txregistry.client.upstreams.faults import Dragging, Faltered
from txregistry.client.upstreams.interfaces import UpstreamFault, UpstreamWrong
from txregistry.client.upstreams.limits import Limits, Patience
from txregistry.storage.interfaces import StorageUnavailable
from txregistry.streams import CHUNK, IPieces, IReader, read_all, read_pieces

_REMARK: Final = 16 * 1024
"""Bytes that are read of a body that nobody wants, to use its connection again."""
_REMARK_SECONDS: Final = 2.0


class Pace:
    """See whether a body comes as fast as it must, while it is waited for.

    Args:
        limits: How fast that is.
    """

    def __init__(self, limits: Limits) -> None:
        self._window = limits.window
        self._enough = limits.least * limits.window
        self._waited = 0.0
        self._came = 0

    @property
    def left(self) -> float:
        """Seconds until the window ends, for who goes on to wait."""
        return max(0.0, self._window - self._waited)

    def take(self, waited: float, came: int) -> bool:
        """Take in how long was waited, and for how many bytes.

        Returns:
            Whether that is fast enough.
        """
        self._waited += waited
        self._came += came
        if self._waited < self._window:
            return True
        enough = self._came >= self._enough
        self._waited, self._came = 0.0, 0
        return enough


@implementer(IPieces)
class BodyReader:
    """Read a body, of which the number of bytes may be known.

    Args:
        name: What the upstream is called.
        body: The body.
        clock: What measures the time.
        limits: How slow it may be.
        expected: How many bytes it must have; None where that is not known.
        most: How many it may have.
        ended: Is called once, when nothing more is read of it.
    """

    def __init__(
        self,
        name: str,
        body: UpstreamBody,
        clock: IReactorTime,
        limits: Limits,
        *,
        expected: int | None,
        most: int,
        ended: Callable[[], object] = lambda: None,
    ) -> None:
        self._name = name
        self._body = body
        self._clock = clock
        self._pace = Pace(limits)
        self._expected = expected
        self._most = most if expected is None else min(most, expected)
        self._ended: Callable[[], object] | None = ended
        self._given = 0
        self._fault: UpstreamFault | None = None

    async def read(self, limit: int) -> bytes:
        """See `IReader`."""
        return b"".join(await self.read_pieces(limit))

    async def read_pieces(self, limit: int, least: int = 1) -> list[bytes]:
        """See `IPieces`.

        Raises:
            UpstreamUnavailable: the rest cannot be had.
            UpstreamWrong: there are more bytes, or fewer, than there can be.
        """
        if self._fault is not None:
            raise self._fault
        try:
            pieces = await self._next(limit, least)
            self._count(pieces)
        except UpstreamFault as fault:
            self._fault = fault
            await self.close()
            raise
        except BaseException:
            await self.close()
            raise
        if not pieces:
            self._end()
        return pieces

    async def close(self) -> None:
        """See `IReader`."""
        await self._body.close()
        self._end()

    async def _next(self, limit: int, least: int) -> list[bytes]:
        slow = False

        def tire() -> None:
            nonlocal slow
            came = self._body.received - before
            slow = not self._pace.take(self._clock.seconds() - began, came)
            reading.cancel()

        while True:
            before, began = self._body.received, self._clock.seconds()
            reading = Deferred.fromCoroutine(self._body.read_pieces(limit, least))
            timer = self._clock.callLater(self._pace.left, tire)
            try:
                pieces = await reading
            except StorageUnavailable:
                raise Faltered(
                    self._name, f"broke off after {self._body.received} bytes"
                ) from None
            except CancelledError:
                if timer.active():
                    raise  # it was not the timer
                if slow:
                    raise Dragging(self._name, "gives too little at a time") from None
                continue
            finally:
                if timer.active():
                    timer.cancel()
            came = self._body.received - before
            if not self._pace.take(self._clock.seconds() - began, came) and pieces:
                raise Dragging(self._name, "gives too little at a time")
            return pieces

    def _count(self, pieces: list[bytes]) -> None:
        self._given += sum(map(len, pieces))
        if self._given > self._most:
            raise UpstreamWrong(self._name, "gives more than there can be")
        if pieces or self._expected in {None, self._given}:
            return
        what = f"gave {self._given} bytes in place of {self._expected}"
        if self._body.ended_by_connection:
            raise Faltered(self._name, what)
        raise UpstreamWrong(self._name, what)

    def _end(self) -> None:
        ended, self._ended = self._ended, None
        if ended is not None:
            ended()


async def skip(reader: IReader, size: int) -> int:
    """Read some bytes in vain.

    Returns:
        How many there were, of those.
    """
    left = size
    while left > 0:
        pieces = await read_pieces(reader, min(left, CHUNK))
        if not pieces:
            break
        left -= sum(map(len, pieces))
    return size - left


async def dismiss(answer: Answer, clock: IReactorTime) -> None:
    """Let an answer go of which the body says nothing that we want to know."""
    body = answer.body
    if body.expected is not None and body.expected <= _REMARK:
        rest = Deferred.fromCoroutine(read_all(body, _REMARK))
        with suppress(Late, StorageUnavailable):
            await rest.addTimeout(_REMARK_SECONDS, clock)
    await body.close()


class Documents:
    """Read what is small enough to be read whole.

    Args:
        name: What the upstream is called.
        clock: What measures the time.
        patience: How long a whole document may take.
        limits: How slow it may be.

    Attributes:
        clock: As above.
    """

    def __init__(
        self, name: str, clock: IReactorTime, patience: Patience, limits: Limits
    ) -> None:
        self.clock = clock
        self._name = name
        self._patience = patience
        self._limits = limits

    async def read(self, answer: Answer, most: int) -> bytes:
        """Read a body.

        Args:
            answer: Whose.
            most: How many bytes it may have.

        Raises:
            Faltered: it cannot be had.
            Dragging: it cannot be had in time.
            UpstreamWrong: it is too long, or a page for people.
        """
        length = answer.body.expected
        if answer.is_page:
            raise UpstreamWrong(self._name, "answers with a page for people")
        if length is not None and length > most:
            raise UpstreamWrong(self._name, "gives more than there can be")
        reader = BodyReader(
            self._name,
            answer.body,
            self.clock,
            self._limits,
            expected=length,
            most=most + 1,  # so that one too many is seen
        )
        reading = Deferred.fromCoroutine(read_all(reader, most))
        late = False

        def tire() -> None:
            nonlocal late
            late = True
            reading.cancel()

        timer = self.clock.callLater(self._patience.document, tire)
        try:
            data = await reading
        except CancelledError:
            if late:
                raise Dragging(self._name, "gives too little at a time") from None
            raise
        finally:
            if timer.active():
                timer.cancel()
        if data is None:
            raise UpstreamWrong(self._name, "gives more than there can be")
        return data
