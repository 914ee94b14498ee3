"""Objects are hashed, and who waits hears how much of them was."""

from zope.interface import implementer

from txregistry.model.digest import Hashing
from txregistry.registry.checking.tree import Tree
from txregistry.registry.pacing import Paced, Pacing
from txregistry.storage.interfaces import Key
from txregistry.streams import IReader, read_through


class Pace:
    """Hash objects, no faster than may be.

    Args:
        tree: Where they are; it hears how much was read.
        rate: Bytes a second; None for as many as can be.
    """

    def __init__(self, tree: Tree, rate: int | None) -> None:
        self._tree = tree
        self._pacing = Pacing(tree.clock, rate)

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
        counted = Paced(_Counted(reader, self._tree), self._pacing)
        await read_through(counted, self._tree.blocking, hashing.update)
        return size


@implementer(IReader)
class _Counted:
    """A reader whose bytes are counted."""

    def __init__(self, reader: IReader, tree: Tree) -> None:
        self._reader = reader
        self._tree = tree

    async def read(self, limit: int) -> bytes:
        """See `IReader`."""
        data = await self._reader.read(limit)
        self._tree.count(0, len(data))
        return data

    async def close(self) -> None:
        """See `IReader`."""
        await self._reader.close()
