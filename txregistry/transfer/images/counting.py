"""Tell how much is read of something."""

from collections.abc import Callable

from zope.interface import implementer

from txregistry.streams import IReader


@implementer(IReader)
class Counted:
    """Read what another reader gives, and tell how much that is.

    Args:
        reader: Gives it; it is closed with this.
        hear: Is told how many bytes came so far, each time.
    """

    def __init__(self, reader: IReader, hear: Callable[[int], None]) -> None:
        self._reader = reader
        self._hear = hear
        self._came = 0

    async def read(self, limit: int) -> bytes:
        """See `IReader`."""
        data = await self._reader.read(limit)
        self._came += len(data)
        self._hear(self._came)
        return data

    async def close(self) -> None:
        """See `IReader`."""
        await self._reader.close()
