"""Bytes that lie in several objects, read as one."""

from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from zope.interface import implementer

from txregistry.streams import BytesReader, IReader

OpenPart = Callable[[str, int, int], Awaitable[IReader]]
"""Opens part of an object: its whole name, and the half-open range."""


@implementer(IReader)
class PartsReader:
    """Read part of what several objects hold, one after the other.

    Args:
        parts: Their names and sizes.
        tail: What follows them.
        open_part: Opens one of them when it is its turn.
        start: The first byte of all that is wanted.
        stop: The byte after the last.
    """

    def __init__(
        self,
        parts: Sequence[tuple[str, int]],
        tail: bytes,
        open_part: OpenPart,
        start: int,
        stop: int,
    ) -> None:
        self._open_part = open_part
        self._parts: deque[tuple[str, int, int]] = deque()
        offset = 0
        for name, size in parts:
            first, last = max(start - offset, 0), min(stop - offset, size)
            if first < last:
                self._parts.append((name, first, last))
            offset += size
        first = max(start - offset, 0)
        self._tail = tail[first : max(stop - offset, first)]
        self._current: IReader | None = None

    async def read(self, limit: int) -> bytes:
        """See `IReader`."""
        while self._parts or self._current is not None or self._tail:
            if self._current is None:
                self._current = await self._next()
            data = await self._current.read(limit)
            if data:
                return data
            await self._end()
        return b""

    async def close(self) -> None:
        """See `IReader`."""
        self._parts.clear()
        self._tail = b""
        await self._end()

    async def _next(self) -> IReader:
        if self._parts:
            return await self._open_part(*self._parts.popleft())
        tail, self._tail = self._tail, b""
        return BytesReader(tail)

    async def _end(self) -> None:
        current, self._current = self._current, None
        if current is not None:
            await current.close()
