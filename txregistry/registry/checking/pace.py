"""No more is hashed in a second than may be."""

from typing import Final

from twisted.internet.task import deferLater
from zope.interface import implementer

from txregistry.model.digest import Hashing
from txregistry.registry.checking.tree import Tree
from txregistry.storage.interfaces import Key
from txregistry.streams import CHUNK, IReader, read_through

_AT_ONCE: Final = 1.0
"""Seconds of hashing at the full rate that may come at once."""


class Pace:
    """Hash objects, no faster than may be.

    Args:
        tree: Where they are; it hears how much was read.
        rate: Bytes a second; None for as many as can be.
    """

    def __init__(self, tree: Tree, rate: int | None) -> None:
        self._tree = tree
        self._rate = rate
        self._free = tree.clock.seconds()

    async def hash(self, key: Key, hashing: Hashing) -> int:
        """Hash an object.

        Returns:
            How many bytes it has.

        Raises:
            NotFound: there is none.
            StorageUnavailable: it cannot be read.
        """
        size = (await self._tree.source.stat(key)).size
        reader = await self._tree.source.open(key, 0, size)
        await read_through(_Paced(reader, self), self._tree.blocking, hashing.update)
        return size

    async def take(self, size: int) -> None:
        """Take it that something was read, and wait until more may be."""
        self._tree.count(0, size)
        if self._rate is None:
            return
        now = self._tree.clock.seconds()
        self._free = max(self._free, now - _AT_ONCE) + size / self._rate
        if self._free > now:
            await deferLater(self._tree.clock, self._free - now)


@implementer(IReader)
class _Paced:
    """A reader that gives no more than may be read."""

    def __init__(self, reader: IReader, pace: Pace) -> None:
        self._reader = reader
        self._pace = pace

    async def read(self, limit: int) -> bytes:
        """See `IReader`."""
        data = await self._reader.read(min(limit, CHUNK))
        await self._pace.take(len(data))
        return data

    async def close(self) -> None:
        """See `IReader`."""
        await self._reader.close()
