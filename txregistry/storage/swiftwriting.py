"""Bytes on their way into Swift, as segments of bounded size."""

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.python.failure import Failure

from txregistry.storage.interfaces import StorageUnavailable
from txregistry.storage.requestbody import WrittenBody
from txregistry.storage.swiftanswers import Outcome
from txregistry.storage.swiftcontainer import SwiftContainer
from txregistry.storage.swiftsegments import Segment

T = TypeVar("T")

TAIL: Final = 1024 * 1024
"""Bytes up to which something is too little to be a segment: stock Swift serves ten
smaller ones, and then one a second."""
_IDLE: Final = 20.0
"""Seconds without more bytes after which a segment is ended: Swift drops a body that
stands still for a minute."""


class SwiftWriting:
    """One request that writes an object while its bytes come.

    It begins at once. There is an object only once it has ended well.

    Args:
        container: Where the object is to be.
        name: Its name, which nobody else writes.
        headers: Header fields.
    """

    def __init__(
        self, container: SwiftContainer, name: str, headers: dict[str, str]
    ) -> None:
        self.name = name
        self.size = 0
        self._place = container.place
        self._body = WrittenBody()
        self._outcome: Outcome | None = None
        self._failure: Failure | None = None
        self._waiting: Deferred[None] | None = None
        self._sent = Deferred.fromCoroutine(
            container.change("PUT", name, headers=headers, body=lambda: self._body)
        )
        _ = self._sent.addCallbacks(self._answered, self._failed)

    @property
    def finished(self) -> bool:
        """Whether nothing more can be sent."""
        return self._body.ended

    async def write(self, data: bytes) -> None:
        """Send some bytes.

        Raises:
            StorageUnavailable: they are of no use any more.
        """
        if not await self._body.write(data):
            await self.end()
            raise StorageUnavailable(f"{self._place} ended {self.name} too early")
        self.size += len(data)

    def finish(self) -> None:
        """Let what was sent be all, without waiting for what comes of it."""
        self._body.finish()

    async def end(self) -> Segment:
        """Let what was sent be all, durable and to be read.

        Raises:
            StorageFull: there is no room.
            StorageUnavailable: it could not be written, as far as is known.
        """
        self._body.finish()
        while self._outcome is None:
            if self._failure is not None:
                self._failure.raiseException()
            self._waiting = Deferred()
            await self._waiting
        etag = self._outcome.header("Etag").strip('"')
        return Segment(self.name, etag, self.size)

    def abort(self) -> None:
        """Break off: the service has no whole body then, and keeps nothing."""
        self._sent.cancel()

    def _answered(self, outcome: Outcome) -> None:
        self._outcome = outcome
        self._wake()

    def _failed(self, failure: Failure) -> None:
        if failure.check(CancelledError):
            failure = Failure(StorageUnavailable(f"{self.name} was broken off"))
        self._failure = failure
        self._wake()

    def _wake(self) -> None:
        self._body.finish()
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(None)


class SegmentWriter:
    """Make segments of bytes as they come, and keep what is too little for one.

    Args:
        container: Where they go.
        clock: Tells how long no bytes came.
        headers: What is said with each segment.
        new_name: Names a segment, given how many there are already.
        tail: What comes first of all.
        largest: Bytes in a segment at most.

    Attributes:
        segments: Those that are complete, in order.
        failed: Whether one was not written, as far as is known.
    """

    def __init__(
        self,
        container: SwiftContainer,
        clock: IReactorTime,
        headers: dict[str, str],
        new_name: Callable[[int], str],
        tail: bytes,
        largest: int,
    ) -> None:
        self.segments: list[Segment] = []
        self.failed = False
        self._container = container
        self._clock = clock
        self._headers = headers
        self._new_name = new_name
        self._largest = largest
        self._least = min(TAIL, largest)
        self._held = [tail] if tail else []
        self._count = len(tail)
        self._current: SwiftWriting | None = None

    @property
    def tail(self) -> bytes:
        """What is not in a segment, once all have ended."""
        return b"".join(self._held)

    async def write(self, data: bytes) -> None:
        """Take some bytes.

        Raises:
            StorageUnavailable: they cannot be written.
        """
        self._held.append(data)
        self._count += len(data)
        if self._current is not None and self._current.finished:
            await self._end_current()
        if self._current is not None or self._count > self._least:
            await self._flush()

    async def waiting(self, work: Awaitable[T]) -> T:
        """Wait for more bytes, and end a segment that would wait too long."""
        call = self._clock.callLater(_IDLE, self._let_go)
        try:
            return await work
        finally:
            if call.active():
                call.cancel()

    async def end(self) -> None:
        """Let everything be complete, but for a tail.

        Raises:
            StorageUnavailable: one segment was not, or is not, written.
        """
        await self._end_current()
        if self._count > self._least and not self.failed:
            await self._flush()
            await self._end_current()

    async def _flush(self) -> None:
        """Write what is held, but for what makes a tail when a segment is full."""
        while self._held and (self._current is not None or self._count > self._least):
            if self._current is None:
                name = self._new_name(len(self.segments))
                self._current = SwiftWriting(self._container, name, self._headers)
            room = self._largest - self._current.size
            data = self._held[0][:room]
            try:
                await self._current.write(data)
            except StorageUnavailable:
                self.failed = True
                self._current = None
                raise
            # Only now: who is cancelled meanwhile may yet have it written.
            self._count -= len(data)
            rest = self._held[0][room:]
            self._held[:1] = [rest] if rest else []
            if self._current.size >= self._largest:
                await self._end_current()

    async def _end_current(self) -> None:
        current, self._current = self._current, None
        if current is not None:
            try:
                self.segments.append(await current.end())
            except StorageUnavailable:
                self.failed = True
                raise

    def _let_go(self) -> None:
        if self._current is not None:
            self._current.finish()
