"""Bytes on their way straight to the key that they are for, in S3."""

from collections.abc import Callable
from typing import Final

from zope.interface import implementer

from txregistry.storage.interfaces import (
    Held,
    IStagingArea,
    Key,
    NotFound,
    StorageFull,
    StorageUnavailable,
)
from txregistry.storage.partmemory import PartMemory
from txregistry.storage.s3appending import S3Keeper, is_scarce, read_batch, see
from txregistry.storage.s3staging import S3StagingArea
from txregistry.storage.s3writer import MOST_PARTS, S3Writer
from txregistry.streams import IReader

_AHEAD: Final = 2
"""Parts that are in memory at most: one is sent while the next one is gathered. Where
there is little memory, it is one."""


class _Share:
    """Memory that was taken beforehand, since nobody waits while holding some."""

    def __init__(self, memory: PartMemory, size: int) -> None:
        self._memory = memory
        self._size = size
        self._held = 0

    def has(self, size: int) -> bool:
        """Whether there is so much left."""
        return self._held + size <= self._size

    def take(self, size: int) -> None:
        """Use some."""
        self._held += size
        if self._held > self._size:  # less was said to come
            self._memory.take_anyway(self._held - self._size)
            self._size = self._held

    def give(self, size: int) -> None:
        """Use some no more."""
        self._held -= size

    def close(self) -> None:
        """Give it all back."""
        size, self._size = self._size, 0
        self._memory.give(size)


@implementer(IStagingArea)
class S3DirectArea:
    """An upload in parts that the commit completes, or a piece that it puts.

    Where so many are under way that there is no memory for one more, its bytes go by
    way of an ordinary area.

    Args:
        key: What the area is named by.
        final: Where the bytes are to lie.
        store: The store.
    """

    lasting = False
    growing = False

    def __init__(self, key: Key, final: Key, store: S3Keeper) -> None:
        self.key = key
        self._final = final
        self._store = store
        self._size: int | None = None
        self._writer: S3Writer | None = None
        self._share: _Share | None = None
        self._ordinary: S3StagingArea | None = None
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
        """See `IStagingArea`: nobody else could read what would be marked."""
        del mark
        if self._writer is not None or self._ordinary is not None:
            raise RuntimeError("an area with a final key is appended to once")
        share, part_size = self._take_share(expected)
        if share is None:
            self._ordinary = S3StagingArea(self.key, self._store)
            self._size = await self._ordinary.append(source, observe, expected)
            return self._size
        self._share = share
        self._writer = writer = self._store.writer(self._final, part_size, share)
        while pieces := await read_batch(source, writer.room):
            if writer.is_full:
                raise StorageFull(
                    f"{self._final} is larger than what can be taken of which the "
                    "length is not known"
                )
            size = sum(map(len, pieces))
            if not share.has(size):
                await writer.land()
            share.take(size)
            await self._store.blocking(see, pieces, observe, writer)
            await writer.add(pieces)
        await writer.seal()
        self._size = writer.size
        return writer.size

    async def open(self, start: int, stop: int) -> IReader:
        """See `IStagingArea`."""
        if self._size is None:
            raise NotFound(self.key)
        if not self._committed:
            raise StorageUnavailable(f"{self.key} cannot be read yet")
        return await self._store.open(self._final, start, stop)

    async def commit(self, key: Key) -> None:
        """See `IStagingArea`."""
        if key != self._final:
            raise RuntimeError("an area with a final key is committed to no other")
        if self._size is None:
            raise NotFound(self.key)
        if self._committed:
            return
        if self._ordinary is not None:
            await self._ordinary.commit(key)
        elif self._writer is not None:
            await self._writer.publish()
        self._committed = True

    async def discard(self) -> None:
        """See `IStagingArea`."""
        if self._ordinary is not None:
            await self._ordinary.discard()
        if self._writer is not None and not self._committed:
            await self._writer.abort()
        if self._share is not None:
            self._share.close()
        self._writer = self._share = self._ordinary = None
        self._size = None
        self._committed = False

    def _take_share(self, expected: int | None) -> tuple[_Share | None, int]:
        """Take memory for two long parts, or for a short one.

        Returns:
            The memory, or None where there is too little; and the bytes in a part.
        """
        store, memory = self._store, self._store.memory
        plans = [(store.part_size, _AHEAD), (store.least_part, 1)]
        if expected is None:
            plans.pop()  # of short ones there may be too few
        elif is_scarce(memory):
            plans.pop(0)
        for part_size, ahead in plans:
            size = max(part_size, -(-(expected or 0) // MOST_PARTS))
            needed = ahead * size if expected is None else min(expected, ahead * size)
            if memory.try_take(needed, leave=memory.limit // 4):
                return _Share(memory, needed), size
        return None, 0
