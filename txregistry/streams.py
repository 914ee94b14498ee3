"""Readers, and the pump that feeds a consumer from one.

Backpressure is written once, here, as a push producer. A backend provides `IReader`
and never sees it.
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IConsumer, IPushProducer
from zope.interface import Attribute, Interface, implementer

from txregistry.tasks import Blocking

CHUNK: Final = 256 * 1024
"""Bytes that one read moves: two of them and a socket's buffer stay under 1 MiB."""

_TURNS: Final = 16
"""Batches after which a thread that reads for itself lets others have it."""


class IReader(Interface):
    """Bytes to be had in order, once."""

    async def read(limit: int) -> bytes:
        """Give the next bytes.

        Args:
            limit: How many at most; at least one is given while there are any.

        Returns:
            The bytes; empty at the end.
        """

    async def close() -> None:
        """Let go of what is held; harmless the second time."""


class IPieces(IReader):
    """A reader that can hand on what it has without joining it."""

    async def read_pieces(limit: int, least: int = 1) -> list[bytes]:
        """Give the next bytes, as the pieces in which they came.

        Args:
            limit: How many bytes at most, together.
            least: How many to wait for, unless the end comes first.

        Returns:
            The pieces, none of them empty; an empty list at the end.
        """


class IEnding(IReader):
    """A reader that may know its end before it is asked for more."""

    ended = Attribute("Whether it is known that there is nothing left to be read.")


class ILending(IReader):
    """A reader in whose place a thread may read for a while."""

    def lend() -> Callable[[int], list[bytes]] | None:
        """Give what a thread can call; None where there is nothing to be lent.

        Until it is given back nothing else is to be read.

        Returns:
            What is called with how many bytes are wanted at most, and gives those that
            are there, without waiting, as pieces none of which is empty. They may be
            views of memory that is written over at the next call.
        """

    def give_back() -> None:
        """Take it that no thread reads any more."""


class IFileReader(IReader):
    """A reader of a file, which the kernel can send by itself."""

    def fileno() -> int:
        """Give the descriptor; it stays the reader's, which closes it."""

    def span() -> tuple[int, int]:
        """Give the half-open range of the file that is left to be read."""


class IWithheldFile(IReader):
    """A reader of a file whose end is given only when all of it was found sound."""

    file = Attribute("The `IFileReader` of all of it.")

    def front() -> tuple[int, int]:
        """Give the half-open range of the file that can be sent at once."""

    async def rest() -> bytes:
        """Give what comes after that, as soon as all was found to be sound."""


@implementer(IEnding)
class BytesReader:
    """Read what is in memory."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._offset = 0

    @property
    def ended(self) -> bool:
        """See `IEnding`."""
        return self._offset >= len(self._data)

    async def read(self, limit: int) -> bytes:
        """See `IReader`."""
        data = self._data[self._offset : self._offset + limit]
        self._offset += len(data)
        return data

    async def close(self) -> None:
        """See `IReader`."""


@implementer(IPieces, IEnding, ILending)
class Peeking:
    """Read what another reader gives, which can be looked at before.

    Args:
        reader: Where the bytes come from.
    """

    def __init__(self, reader: IReader) -> None:
        self._reader = reader
        self._ahead: list[bytes] = []

    @property
    def ended(self) -> bool:
        """See `IEnding`."""
        return not self._ahead and is_over(self._reader)

    def lend(self) -> Callable[[int], list[bytes]] | None:
        """See `ILending`."""
        return None if self._ahead else _lend(self._reader)

    def give_back(self) -> None:
        """See `ILending`."""
        ILending(self._reader).give_back()

    async def is_empty(self) -> bool:
        """Say whether there are no bytes to come, by waiting for some."""
        self._ahead = self._ahead or await read_pieces(self._reader, CHUNK)
        return not self._ahead

    async def read_pieces(self, limit: int, least: int = 1) -> list[bytes]:
        """See `IPieces`."""
        pieces, size = [], 0
        while self._ahead and size < limit:
            first = self._ahead.pop(0)
            if len(first) > limit - size:
                self._ahead.insert(0, first[limit - size :])
                first = first[: limit - size]
            pieces.append(first)
            size += len(first)
        if size < least:
            pieces += await read_pieces(self._reader, limit - size, least - size)
        return pieces

    async def read(self, limit: int) -> bytes:
        """See `IReader`."""
        return b"".join(await self.read_pieces(limit))

    async def close(self) -> None:
        """See `IReader`."""
        await self._reader.close()


def is_over(reader: IReader) -> bool:
    """Say whether a reader is known to have given everything."""
    return IEnding.providedBy(reader) and bool(IEnding(reader).ended)


async def read_pieces(reader: IReader, limit: int, least: int = 1) -> list[bytes]:
    """Read from any reader as `IPieces.read_pieces` does, or as nearly as it can."""
    if IPieces.providedBy(reader):
        pieces: list[bytes] = await IPieces(reader).read_pieces(limit, least)
        return pieces
    data = await reader.read(limit)
    return [data] if data else []


async def read_all(reader: IReader, limit: int) -> bytes | None:
    """Read everything, and close.

    Returns:
        The bytes; or None where there are more than ``limit``, of which no more than
        that is read.
    """
    pieces: list[bytes] = []
    size = 0
    try:
        while size <= limit:
            found = await read_pieces(reader, min(CHUNK, limit + 1 - size))
            if not found:
                return b"".join(pieces)
            pieces += found
            size += sum(map(len, found))
    finally:
        await reader.close()
    return None


async def read_through(
    reader: IReader, blocking: Blocking, take: Callable[[bytes], object]
) -> None:
    """Let work that blocks have everything that a reader gives, and close it.

    Args:
        reader: Where the bytes come from.
        blocking: Where the work goes.
        take: Takes a piece; the next ones are read when it has done.
    """
    try:
        # Much at once: what a connection gives is little, and each job has its price.
        while pieces := await read_pieces(reader, CHUNK, CHUNK):
            await blocking(take_each, take, pieces)
    finally:
        await reader.close()


async def hand_over(
    reader: IReader,
    blocking: Blocking,
    take: Callable[[Iterable[list[bytes]]], object],
    pieces: list[bytes],
) -> None:
    """Let work that blocks have what a reader gave, and what it has next.

    Args:
        reader: Where the pieces came from.
        blocking: Where the work goes.
        take: Takes all batches of pieces that there are, one call at a time.
        pieces: The first; there is at least one.
    """
    turns = _TURNS
    while turns == _TURNS:  # so many again, when others have had their turn
        more = _lend(reader)
        if more is None:
            if pieces:
                await blocking(take, [pieces])
            return
        batches = _Batches(pieces, more)
        try:
            await blocking(take, batches)
        finally:
            ILending(reader).give_back()
        pieces, turns = [], batches.turns


def _lend(reader: IReader) -> Callable[[int], list[bytes]] | None:
    if not ILending.providedBy(reader):
        return None
    lent: Callable[[int], list[bytes]] | None = ILending(reader).lend()
    return lent


class _Batches:
    """What there is, as long as there is more, and it is nobody else's turn.

    Attributes:
        turns: How many times there was more.
    """

    def __init__(self, pieces: list[bytes], more: Callable[[int], list[bytes]]) -> None:
        self.turns = 0
        self._pieces = pieces
        self._more = more

    def __iter__(self) -> Iterator[list[bytes]]:
        if self._pieces:
            yield self._pieces
        while self.turns < _TURNS and (pieces := self._more(CHUNK)):
            self.turns += 1
            yield pieces


def take_each(take: Callable[[bytes], object], pieces: Iterable[bytes]) -> None:
    """Hand on pieces, one after the other."""
    for piece in pieces:
        take(piece)


@implementer(IPushProducer)
class Pump:
    """Feed a consumer from a reader, no faster than it drains.

    Args:
        reader: Where the bytes come from; it is closed at the end.
        consumer: Where they go; it has no other producer meanwhile.
        progress: Called with the number of bytes after each write.
    """

    def __init__(
        self,
        reader: IReader,
        consumer: IConsumer,
        progress: Callable[[int], None] | None = None,
    ) -> None:
        self._reader = reader
        self._consumer = consumer
        self._progress = progress
        self._pause: Deferred[None] | None = None
        self._stopped = False

    async def run(self) -> None:
        """Move everything.

        Raises:
            CancelledError: the consumer went away before the end.
        """
        self._consumer.registerProducer(self, streaming=True)
        try:
            while data := await self._reader.read(CHUNK):
                if self._pause is not None:
                    await self._pause
                if self._stopped:
                    raise CancelledError
                self._consumer.write(data)
                if self._progress is not None:
                    self._progress(len(data))
        finally:
            if not self._stopped:  # a consumer that went away forgot us by itself
                self._consumer.unregisterProducer()
            await self._reader.close()

    def pauseProducing(self) -> None:
        """See ``IPushProducer``."""
        self._pause = self._pause or Deferred()

    def resumeProducing(self) -> None:
        """See ``IPushProducer``."""
        pause, self._pause = self._pause, None
        if pause is not None:
            pause.callback(None)

    def stopProducing(self) -> None:
        """See ``IPushProducer``."""
        self._stopped = True
        self.resumeProducing()
