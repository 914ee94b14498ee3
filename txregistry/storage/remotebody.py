"""The body of a remote server's answer, as a reader that lets the server wait."""

from collections import deque

from twisted.internet.defer import Deferred
from twisted.internet.defer import TimeoutError as Late
from twisted.internet.interfaces import IPushProducer, IReactorTime
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone
from zope.interface import implementer

from txregistry.storage.interfaces import StorageUnavailable
from txregistry.streams import CHUNK, IPieces


class Faltered(StorageUnavailable):
    """A server gave no answer, or half of one; to ask again may help.

    Attributes:
        after: Seconds before which it does not want to be asked again, as it says.
    """

    after = 0.0


@implementer(IPieces)
class RemoteBody(Protocol):
    """Read the body of an answer; the server waits while nobody does.

    What arrives is kept up to ``CHUNK`` bytes, and one read of the socket more.

    Args:
        place: Where it comes from, in words.
        expected: Bytes that will come; None where only its framing tells.
        clock: What measures the time.
        stall: Seconds for which a reader waits while nothing comes.

    Attributes:
        expected: As above; a body that ends without having them is a failure.
    """

    def __init__(
        self, place: str, expected: int | None, clock: IReactorTime, stall: float
    ) -> None:
        self.expected = expected
        self._place = place
        self._clock = clock
        self._stall = stall
        self._received = 0
        self._pieces: deque[bytes] = deque()
        self._held = 0
        self._least = 1
        self._waiting: Deferred[None] | None = None
        self._complete = False
        self._failure: StorageUnavailable | None = None

    def expect(self, size: int) -> None:
        """Take it that so many bytes are to come, or have come already."""
        self.expected = size
        if self._complete and self._received != size:
            self._complete = False
            self._break_off()

    async def begin(self) -> None:
        """Wait for the first byte, or the end.

        Raises:
            Faltered: the body cannot be had.
        """
        await self._fill(1)

    async def read(self, limit: int) -> bytes:
        """See `IReader`."""
        return b"".join(await self.read_pieces(limit))

    async def read_pieces(self, limit: int, least: int = 1) -> list[bytes]:
        """See `IPieces`.

        Raises:
            Faltered: the rest cannot be had.
        """
        await self._fill(min(least, limit, CHUNK))
        taken: list[bytes] = []
        while self._pieces and limit > 0:
            piece = self._pieces.popleft()
            if len(piece) > limit:
                self._pieces.appendleft(piece[limit:])
                piece = piece[:limit]
            taken.append(piece)
            limit -= len(piece)
            self._held -= len(piece)
        return taken

    async def close(self) -> None:
        """See `IReader`: what was not read costs the connection."""
        self._pieces.clear()
        self._held = 0
        if not self._complete and self._failure is None:
            self._failure = StorageUnavailable(f"{self._place}: no longer read")
            self._flow().stopProducing()

    def dataReceived(self, data: bytes) -> None:
        """See ``IProtocol``."""
        if self._failure is not None:
            return
        self._received += len(data)
        self._pieces.append(data)
        self._held += len(data)
        if self._held >= CHUNK:
            self._flow().pauseProducing()
        if self._held >= self._least and self._received != self.expected:
            self._wake()  # the last of them are had at the end, which follows at once

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """See ``IProtocol``."""
        if reason.check(ResponseDone) and self.expected in (None, self._received):
            self._complete = True
        else:
            self._break_off()
        self._wake()

    async def _fill(self, least: int) -> None:
        self._least = least
        while self._held < least and not self._complete:
            if self._failure is not None:
                if self._held:
                    return  # what came is given before what went wrong
                raise self._failure
            await self._more()

    async def _more(self) -> None:
        self._flow().resumeProducing()
        if self._held >= self._least or self._complete or self._failure is not None:
            return  # it was waiting to be delivered
        self._waiting = waiting = Deferred[None]()
        _ = waiting.addTimeout(self._stall, self._clock)
        received = self._received
        try:
            await waiting
        except Late:
            if self._received != received:
                return  # it is slow, and does not stand still
            await self.close()
            self._failure = Faltered(
                f"{self._place} gave nothing for {self._stall:g} s, "
                f"after {self._received} bytes"
            )
        finally:
            self._waiting = None

    def _break_off(self) -> None:
        if self._failure is None:
            self._failure = Faltered(
                f"{self._place} broke off after {self._received} bytes"
            )

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(None)

    def _flow(self) -> IPushProducer:
        return IPushProducer(self.transport)
