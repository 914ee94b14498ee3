"""A request's body, handed over as it arrives, no faster than it is taken."""

from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

from twisted.internet.defer import CancelledError, Deferred
from zope.interface import implementer

from txregistry.streams import IEnding, ILending, IPieces
from txregistry.web.borrowing import Borrowed, is_ground

_SMALL: Final = 4096
"""Bytes of the smallest piece that waits as it came."""


class Flow(Protocol):
    """What a body does to the connection it comes from."""

    def stop_reading(self) -> None:
        """Let the client wait."""

    def go_on_reading(self) -> None:
        """Take more from the client."""

    def lend(self) -> Borrowed | None:
        """Let a thread read, if it can be; nothing is read here meanwhile."""

    def give_back(self, borrowed: Borrowed) -> None:
        """Go on where the thread left off."""

    def send_continue(self) -> None:
        """Tell the client that its body is wanted (RFC 9110, section 10.1.1)."""


@implementer(IPieces, IEnding, ILending)
class RequestBody:
    """The body of one request.

    Args:
        flow: The connection.
        length: Bytes that will come; None where only the end tells.
        share: Bytes waiting here at which the client has to wait; one read of the
            socket more may come on top.
        owes_continue: Whether the client waits to be told that its body is wanted.

    Attributes:
        received: Bytes that came so far.
        complete: Whether that is all.
        paused: Whether the client has to wait.
    """

    def __init__(
        self, flow: Flow, length: int | None, share: int, *, owes_continue: bool
    ) -> None:
        self.length = length
        self.owes_continue = owes_continue
        self.received = 0
        self.complete = False
        self.paused = False
        self._flow = flow
        self._share = share
        self._pieces: deque[bytes] = deque()
        self._crumbs = bytearray()
        self._held = 0
        self._least = 1
        self._waiting: Deferred[None] | None = None
        self._failure: BaseException | None = None
        self._discarding = False
        self._count = 0
        self._borrowed: Borrowed | None = None

    @property
    def remaining(self) -> int | None:
        """Bytes that are still to come; None where that is not known."""
        return None if self.length is None else self.length - self.received

    @property
    def is_ground(self) -> bool:
        """Whether it comes in very small pieces."""
        return is_ground(self._count, self.received)

    @property
    def ended(self) -> bool:
        """See `IEnding`."""
        return self.complete and not self._held and self._failure is None

    def lend(self) -> Callable[[int], list[bytes]] | None:
        """See `ILending`."""
        if self.complete or self._held or self._failure or self.owes_continue:
            return None
        if self.is_ground:
            return None
        self._borrowed = self._flow.lend()
        return None if self._borrowed is None else self._borrowed.read

    def give_back(self) -> None:
        """See `ILending`."""
        borrowed, self._borrowed = self._borrowed, None
        if borrowed is not None:
            self.received += borrowed.received
            self._count += borrowed.count
            self._flow.give_back(borrowed)

    async def read(self, limit: int) -> bytes:
        """See `IReader`."""
        return b"".join(await self.read_pieces(limit))

    async def read_pieces(self, limit: int, least: int = 1) -> list[bytes]:
        """See `IPieces`.

        Raises:
            BodyInvalid: the body is badly framed.
            CancelledError: the client went away.
        """
        if self.owes_continue and not self.received:
            self.owes_continue = False
            self._flow.send_continue()
        self._least = min(least, limit, self._share)
        while self._held < self._least and not self.complete:
            if self._failure is not None:
                raise self._failure
            self._resume()
            self._waiting = Deferred()
            try:
                await self._waiting
            finally:
                self._waiting = None
        if self._failure is not None:
            raise self._failure
        self._gather()
        return self._take(limit) if self._pieces else []

    async def close(self) -> None:
        """See `IReader`: what still comes is the connection's affair."""

    def arrived(self, data: bytes) -> None:
        """Take what came in; who waits for it is told by `settle`."""
        self.received += len(data)
        self._count += 1
        self.owes_continue = False
        if self._discarding or self._failure is not None:
            return
        if len(data) < _SMALL:
            self._crumbs += data
        else:
            self._gather()
            self._pieces.append(data)
        self._held += len(data)
        if self._held >= self._share and not self.paused:
            self.paused = True
            self._flow.stop_reading()

    def settle(self) -> None:
        """Take it that this is all for the moment."""
        self._gather()
        if self._held >= self._least:
            self._wake()

    def finish(self) -> None:
        """Take it that everything has come.

        Reading goes on, to notice a client that leaves while its bytes are stored.
        """
        self.complete = True
        self._resume()
        self._wake()

    def fail(self, failure: BaseException) -> None:
        """Take it that nothing more will come."""
        self._failure = failure
        self._drop()
        self._wake()

    def discard(self) -> None:
        """Take no interest in the rest."""
        self._discarding = True
        self._drop()
        self._resume()

    def leave(self) -> None:
        """Take it that the client has left."""
        self.fail(CancelledError())

    def _drop(self) -> None:
        """Keep nothing of what waits."""
        self._pieces.clear()
        self._crumbs.clear()
        self._held = 0

    def _gather(self) -> None:
        """Make one piece of small ones, each of which would take more than it holds."""
        if not self._crumbs:
            return
        few = self._pieces and len(self._pieces[-1]) < _SMALL
        before = self._pieces.pop() if few else b""
        self._pieces.append(before + self._crumbs)
        self._crumbs.clear()

    def _take(self, limit: int) -> list[bytes]:
        taken: list[bytes] = []
        size = 0
        while self._pieces and size + len(self._pieces[0]) <= limit:
            piece = self._pieces.popleft()
            taken.append(piece)
            size += len(piece)
        if not taken:
            piece = self._pieces.popleft()
            self._pieces.appendleft(piece[limit:])
            taken.append(piece[:limit])
            size = limit
        self._held -= size
        if self._held < self._share:
            self._resume()
        return taken

    def _resume(self) -> None:
        if self.paused:
            self.paused = False
            self._flow.go_on_reading()

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None and not waiting.called:
            waiting.callback(None)
