"""Bytes that go straight under their final name in Swift, with the last held back.

An object that is written in one request is there once its body has ended, and not
before: so whoever commits has verified by then what it is. Broken off, it is nowhere.
"""

from collections.abc import Awaitable, Callable
from typing import Final

from zope.interface import implementer

from txregistry.storage.interfaces import Held, IStagingArea, Key, NotFound
from txregistry.storage.swiftcontainer import SwiftContainer
from txregistry.storage.swiftmanifests import check, put_plain
from txregistry.storage.swiftwriting import SwiftWriting
from txregistry.streams import CHUNK, BytesReader, IReader, read_pieces

PLAIN_LIMIT: Final = 5 * 1024**3
"""Bytes in a plain object at most: a little less than stock Swift allows."""
_SMALL: Final = 256 * 1024
"""Bytes up to which all of it is held back."""


@implementer(IStagingArea)
class SwiftDirectArea:
    """An object that is being written.

    Args:
        key: What it is named by.
        name: The whole name of what it becomes.
        container: Where that will lie.
        open_final: Opens part of it by its whole name.
    """

    lasting = False
    growing = False

    def __init__(
        self,
        key: Key,
        name: str,
        container: SwiftContainer,
        open_final: Callable[[str, int, int], Awaitable[IReader]],
    ) -> None:
        self.key = key
        self._name = name
        self._container = container
        self._open_final = open_final
        self._writing: SwiftWriting | None = None
        self._held: list[bytes] = []
        self._size: int | None = None
        self._committed = False

    async def size(self) -> int:
        """See `IStagingArea`."""
        if self._size is None:
            raise NotFound(self.key)
        return self._size

    async def held(self) -> Held:
        """See `IStagingArea`."""
        return Held(await self.size())

    async def append(
        self,
        source: IReader,
        observe: Callable[[bytes], None],
        expected: int | None,
        mark: Callable[[], str] | None = None,
    ) -> int:
        """See `IStagingArea`: the last piece waits for the commit."""
        del expected, mark
        taken = 0
        try:
            while pieces := await read_pieces(source, CHUNK):
                for piece in pieces:
                    observe(piece)
                    taken += len(piece)
                    await self._take(piece, taken)
        except BaseException:
            await self.discard()
            raise
        self._size = taken
        return taken

    async def open(self, start: int, stop: int) -> IReader:
        """See `IStagingArea`."""
        if self._size is not None and self._writing is None:
            return BytesReader(b"".join(self._held)[start:stop])
        if not self._committed:
            raise NotFound(self.key)
        return await self._open_final(self._name, start, stop)

    async def commit(self, key: Key) -> None:
        """See `IStagingArea`."""
        if self._size is None or not self._name.endswith(key):
            raise NotFound(self.key)
        if self._committed:
            return
        if self._writing is None:
            await put_plain(self._container, self._name, b"".join(self._held))
        else:
            for piece in self._held:
                await self._writing.write(piece)
            self._held.clear()
            await self._writing.end()
        # The latest request wins, and this one began long ago.
        await check(self._container, self._name, self._size)
        self._committed = True

    async def discard(self) -> None:
        """See `IStagingArea`."""
        self._size = None
        self._held.clear()
        writing, self._writing = self._writing, None
        if writing is not None and not self._committed:
            writing.abort()

    async def _take(self, piece: bytes, taken: int) -> None:
        if taken <= _SMALL:
            self._held.append(piece)
            return
        if self._writing is None:
            headers = {"Content-Type": "application/octet-stream"}
            self._writing = SwiftWriting(self._container, self._name, headers)
        for each in self._held:
            await self._writing.write(each)
        self._held[:] = [piece]
