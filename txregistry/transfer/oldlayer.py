"""A layer of an old tree, read once, in spite of a connection that breaks."""

from collections.abc import Awaitable, Callable
from typing import Final

from zope.interface import implementer

from txregistry.storage.interfaces import (
    IObjectSource,
    Key,
    NotFound,
    Stat,
    StorageUnavailable,
)
from txregistry.streams import IReader
from txregistry.transfer.damage import Damaged

_BREAKS: Final = 4
"""How often a layer is opened again."""


_CHANGED: Final = "its layer changed while it was read"


@implementer(IReader)
class OldLayerReader:
    """Read an object; where the source fails amid it, go on from there.

    Args:
        source: Where it is.
        key: What it is called there.
        stat: What it was when it was looked at.
        blame: Says what it means that the source fails time and again.
        passing: Called with the number of bytes of each piece.
    """

    def __init__(
        self,
        source: IObjectSource,
        key: Key,
        stat: Stat,
        blame: Callable[[StorageUnavailable], Awaitable[Damaged]],
        passing: Callable[[int], None],
    ) -> None:
        self._source = source
        self._key = key
        self._stat = stat
        self._blame = blame
        self._passing = passing
        self._reader: IReader | None = None
        self._offset = 0
        self._breaks_left = _BREAKS

    async def read(self, limit: int) -> bytes:
        """See `IReader`.

        Raises:
            Damaged: the rest cannot be had, or is not of the same layer.
        """
        while True:
            try:
                if self._reader is None:
                    self._reader = await self._open()
                data = await self._reader.read(limit)
            except NotFound:
                raise Damaged(_CHANGED) from None
            except StorageUnavailable as fault:
                if not self._breaks_left:
                    raise await self._blame(fault) from None
                self._breaks_left -= 1
                await self.close()
                continue
            self._offset += len(data)
            self._passing(len(data))
            return data

    async def close(self) -> None:
        """See `IReader`."""
        reader, self._reader = self._reader, None
        if reader is not None:
            await reader.close()

    async def _open(self) -> IReader:
        """Open what is left.

        Raises:
            Damaged: it is another layer by now.
        """
        if self._offset:
            found = await self._source.stat(self._key)
            if found.identity != self._stat.identity:
                raise Damaged(_CHANGED)
        return await self._source.open(self._key, self._offset, self._stat.size)
