"""Bytes that are read by one, and written for another on the way."""

from collections import deque
from typing import Final, Protocol

from zope.interface import implementer

from txregistry.streams import IReader

_HELD: Final = 64 * 1024
"""Bytes that are held back until it is known that all is well."""
_STEP: Final = 512 * 1024
"""Bytes that are written at once: each time has its price."""


class Sink(Protocol):
    """Where bytes are written to."""

    async def write(self, data: bytes) -> None:
        """Write all of some bytes, no faster than they are taken."""


@implementer(IReader)
class Passing:
    """Read what another reader gives, and write it for others.

    The last of it is held back: who gets the rest sees no end, unless it is a good one.

    Args:
        source: Gives the bytes; it is closed with this.
        sink: Where they go.
    """

    def __init__(self, source: IReader, sink: Sink) -> None:
        self._source = source
        self._sink = sink
        self._ready: deque[bytes] = deque()
        self._size = 0

    async def read(self, limit: int) -> bytes:
        """See `IReader`."""
        data = await self._source.read(limit)
        if data:
            self._ready.append(data)
            self._size += len(data)
        if self._size > _STEP + _HELD:
            await self._write(_HELD)
        return data

    async def finish(self) -> None:
        """Write what was held back: all is well."""
        await self._write(0)

    async def close(self) -> None:
        """See `IReader`."""
        await self._source.close()

    async def _write(self, kept: int) -> None:
        """Write what is there, but for the last pieces, of some bytes at least."""
        pieces: list[bytes] = []
        while self._ready and self._size - len(self._ready[0]) >= kept:
            pieces.append(self._ready.popleft())
            self._size -= len(pieces[-1])
        if pieces:
            await self._sink.write(b"".join(pieces))


@implementer(IReader)
class Joined:
    """Read what one reader gives, and then what another does.

    Args:
        first: The one.
        second: The other.
    """

    def __init__(self, first: IReader, second: IReader) -> None:
        self._first: IReader | None = first
        self._second = second

    async def read(self, limit: int) -> bytes:
        """See `IReader`."""
        if self._first is not None:
            data = await self._first.read(limit)
            if data:
                return data
            await self._first.close()
            self._first = None
        return await self._second.read(limit)

    async def close(self) -> None:
        """See `IReader`."""
        if self._first is not None:
            await self._first.close()
        await self._second.close()
