"""Readers that give so much and no more."""

from collections.abc import Callable

from zope.interface import implementer

from txregistry.streams import IReader


@implementer(IReader)
class Bounded:
    """Give what another reader gives, unless that is too much.

    Args:
        reader: The other one.
        room: Bytes that it may give.
        refuse: Raises what is to be said of more.
    """

    def __init__(
        self, reader: IReader, room: int, refuse: Callable[[], object]
    ) -> None:
        self._reader = reader
        self._room = room
        self._refuse = refuse

    async def read(self, limit: int) -> bytes:
        """See `IReader`; whatever ``refuse`` raises where there is too much."""
        data = await self._reader.read(limit)
        self._room -= len(data)
        if self._room < 0:
            self._refuse()
        return data

    async def close(self) -> None:
        """See `IReader`."""
        await self._reader.close()
